// A modal dialog that asks before something that cannot be undone. Escape and "Cancel" mean no.

let number = 0; // dialogs opened so far: ids must be unique within the page

/**
 * Opens the dialog within `root`. Resolves to whether the button labelled `yes` was pressed; the browser then gives the
 * focus back to the element that had it before.
 * @param {HTMLElement} root
 * @param {{ title: string, text: string, yes: string }} content
 * @returns {Promise<boolean>}
 */
export function confirmed(root, { title, text, yes }) {
  number += 1;
  const id = `page-ask-${number}`;
  const dialog = Object.assign(document.createElement("dialog"), { className: "page-ask" });
  dialog.setAttribute("aria-labelledby", id);
  const form = Object.assign(document.createElement("form"), { method: "dialog" });
  form.append(
    Object.assign(document.createElement("button"), { textContent: "Cancel", value: "" }),
    Object.assign(document.createElement("button"), { textContent: yes, value: "yes", className: "page-yes" }),
  );
  dialog.append(
    Object.assign(document.createElement("h2"), { textContent: title, id }),
    Object.assign(document.createElement("p"), { textContent: text }),
    form,
  );
  root.append(dialog);
  dialog.showModal();
  return new Promise((resolve) => {
    dialog.addEventListener("close", () => {
      resolve(dialog.returnValue === "yes");
      dialog.remove();
    });
  });
}
