// Makes names from data files safe to display within the page's text.

const UNSEEN = /[\p{Cc}\p{Zl}\p{Zp}\u061c\u200b\u200e\u200f\u202a-\u202e\u2060\u2066-\u2069\ufeff]/gu;

/**
 * The name with its code ("cat\u202egnp") in place of every character that changes the direction of the text, breaks
 * the line or is invisible. Letters of every script stay as they are.
 * @param {string} name
 */
export const visible = (name) => name.replace(UNSEEN, (c) => `\\u${c.charCodeAt(0).toString(16).padStart(4, "0")}`);
