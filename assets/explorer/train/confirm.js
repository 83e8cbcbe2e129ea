// A question before something that ends: a small dialog, which Escape and "Cancel" answer with no.

let number = 0; // of the questions asked on this page: ids are the page's

// `yes` is the label of the button that does it. Resolves to whether it was pressed; the focus returns to where it was.
export function confirmed(root, { title, text, yes }) {
  const id = `lv-ask-${(number += 1)}`;
  const dialog = Object.assign(document.createElement("dialog"), { className: "lv-ask" });
  dialog.setAttribute("aria-labelledby", id);
  const part = (tag, content, more = {}) =>
    Object.assign(document.createElement(tag), { textContent: content, ...more });
  const form = part("form", "", { method: "dialog" });
  form.append(part("button", "Cancel", { value: "" }), part("button", yes, { value: "yes", className: "lv-yes" }));
  dialog.append(part("h2", title, { id }), part("p", text), form);
  root.append(dialog);
  dialog.showModal();
  return new Promise((resolve) => {
    dialog.addEventListener("close", () => {
      resolve(dialog.returnValue === "yes");
      dialog.remove();
    });
  });
}
