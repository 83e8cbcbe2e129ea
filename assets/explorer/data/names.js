// Names that come with somebody's data, made fit to stand among the page's own words.

const UNSEEN = /[\p{Cc}\p{Zl}\p{Zp}\u061c\u200b\u200e\u200f\u202a-\u202e\u2060\u2066-\u2069\ufeff]/gu;

// The name with every character that would turn the direction of the text, break its line or stay unseen written as its
// code: "cat\u202egnp". Letters of every script stay as they are.
export const visible = (name) => name.replace(UNSEEN, (c) => `\\u${c.codePointAt(0).toString(16).padStart(4, "0")}`);
