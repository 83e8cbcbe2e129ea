// What is wrong with the controls and the text of the page: `covered` and `cut`, lists of sentences; and how many `controls`
// there are.
//
// covered: at the centre of a control, elementFromPoint finds neither the control nor a part of it; or two controls overlap.
// Asked at the page's top, at its end, and after each control was scrolled to.
// cut: a control, a text, a formula or a picture is larger than the box that clips it, or ends beyond the window's edge. What
// can be scrolled to is not cut, nor is a text that stands whole in the title that it has when the pointer is over it.
() => {
  /** @typedef {Element & Partial<Pick<HTMLInputElement, "title" | "type" | "value">>} Control */
  /** @typedef {"x" | "y"} Axis */
  /** @typedef {Pick<DOMRect, "left" | "right" | "top" | "bottom">} Box */
  /** @typedef {[x: number, y: number]} Point */

  const CONTROLS =
    'button, input, select, textarea, summary, a[href], [role="button"], [role="tab"], [role="radio"], [role="option"], [role="slider"], [role="combobox"]';
  const HIDDEN =
    '[aria-hidden="true"], .modebar, .er-voice, .stSkipToContent, [data-testid="stSidebar"], .room-title small';
  const SLACK = 1.5; // px that rounding takes
  const TAP = 10; // px that a control has at least, either way
  const root = document.scrollingElement ?? document.documentElement;
  const scroller = document.querySelector('[data-testid="stMain"]') ?? root;
  /** @type {Set<string>} */
  const covered = new Set();
  /** @type {Set<string>} */
  const cut = new Set();

  /** @param {Element} element */
  const words = (element) => element.textContent.trim().replace(/\s+/g, " ");
  /** @param {Control} element */
  function name(element) {
    const text = element.ariaLabel || words(element) || element.title || element.value || "";
    const kind = [...element.classList].find((part) => !part.startsWith("st-"));
    return `${element.tagName.toLowerCase()}${kind ? `.${kind}` : ""} “${text.slice(0, 30)}”`;
  }
  /** @param {Element} element */
  const isSeen = (element) =>
    element.checkVisibility({ opacityProperty: true, visibilityProperty: true }) && !element.closest(HIDDEN);
  /** @type {[axis: Axis, before: keyof Box, after: keyof Box][]} */
  const AXES = [
    ["x", "left", "right"],
    ["y", "top", "bottom"],
  ];
  /** @typedef {(style: CSSStyleDeclaration, axis: Axis) => boolean} StyleTest */
  /** @type {(style: CSSStyleDeclaration, axis: Axis) => string} */
  const overflow = (style, axis) => (axis === "x" ? style.overflowX : style.overflowY);
  /** @type {StyleTest} */
  const clips = (style, axis) => overflow(style, axis) !== "visible";
  /** @type {StyleTest} */
  const scrolls = (style, axis) => ["auto", "scroll"].includes(overflow(style, axis));

  /**
   * The ancestors that clip an element, with their boxes; one that is fixed or absolute is free of those that do not hold it.
   * @param {Element} element
   * @returns {Generator<[parent: Element, style: CSSStyleDeclaration, clip: DOMRect]>}
   */
  function* clippers(element) {
    let { position } = getComputedStyle(element);
    for (
      let parent = element.parentElement;
      parent && parent !== document.documentElement;
      parent = parent.parentElement
    ) {
      const style = getComputedStyle(parent);
      const holds =
        style.transform !== "none" ||
        /strict|content|layout|paint/.test(style.contain) ||
        (position === "absolute" && style.position !== "static");
      if (["fixed", "absolute"].includes(position) && !holds) continue;
      position = style.position;
      if (clips(style, "x") || clips(style, "y")) yield [parent, style, parent.getBoundingClientRect()];
    }
  }

  /**
   * Whether a box is cut for good: by an ancestor that does not scroll, or by the window's edge.
   * @param {Element} element
   * @param {Box} box
   */
  function isCut(element, box) {
    const free = { x: false, y: false }; // along an axis that an ancestor scrolls, what is cut can be reached
    for (const [parent, style, clip] of clippers(element)) {
      for (const [axis, before, after] of AXES) {
        if (free[axis] || !clips(style, axis)) continue;
        if (scrolls(style, axis) && !(axis === "x" && parent === scroller)) free[axis] = true;
        else if (box[before] < clip[before] - SLACK || box[after] > clip[after] + SLACK) return true;
      }
    }
    return !free.x && (box.left < -SLACK || box.right > innerWidth + SLACK);
  }

  /** @type {(box: Box) => Point} */
  const centre = ({ left, right, top, bottom }) => [(left + right) / 2, (top + bottom) / 2];
  /**
   * @param {Element} element
   * @param {Point} point
   */
  function isInSight(element, [x, y]) {
    if (x < 0 || y < 0 || x > innerWidth - 1 || y > innerHeight - 1) return false;
    return [...clippers(element)].every(
      ([, , clip]) => x >= clip.left && x <= clip.right && y >= clip.top && y <= clip.bottom,
    );
  }

  /**
   * What stands for a control: the label around it, or the picker that it is a part of.
   * @param {Element} element
   */
  const whole = (element) => element.closest('label, [data-baseweb="select"], [data-testid="stSelectbox"]') ?? element;
  /** @param {Element} element */
  function checkCentre(element) {
    const hit = document.elementFromPoint(...centre(element.getBoundingClientRect()));
    if (!hit || !whole(element).contains(hit)) covered.add(`${name(element)} by ${hit && name(hit)}`);
  }

  /**
   * What is seen of an element: its box without what its ancestors clip.
   * @param {Element} element
   * @returns {Box}
   */
  function seenBox(element) {
    let { left, right, top, bottom } = element.getBoundingClientRect();
    for (const [, , clip] of clippers(element))
      [left, right, top, bottom] = [
        Math.max(left, clip.left),
        Math.min(right, clip.right),
        Math.max(top, clip.top),
        Math.min(bottom, clip.bottom),
      ];
    return { left, right, top, bottom };
  }

  /** @param {Control[]} controls */
  function checkOverlaps(controls) {
    /** @type {[Control, Box][]} */
    const boxes = controls
      .filter((element) => !element.closest("[data-baseweb]"))
      .map((element) => [element, seenBox(element)]);
    boxes.forEach(([a, one], i) => {
      for (const [b, two] of boxes.slice(i + 1)) {
        const across = Math.min(one.right, two.right) - Math.max(one.left, two.left);
        const down = Math.min(one.bottom, two.bottom) - Math.max(one.top, two.top);
        if (across > 2 && down > 2 && !a.contains(b) && !b.contains(a) && !areOneSlider(a, b))
          covered.add(`${name(a)} overlaps ${name(b)}`);
      }
    });
  }
  // a slider's box reaches down to the names along it
  /** @param {Element} element */
  const track = (element) => element.closest(".page-track, .kl-track");
  /** @type {(a: Control, b: Control) => boolean} */
  const areOneSlider = (a, b) =>
    Boolean(track(a)) && track(a) === track(b) && [a, b].some(({ type }) => type === "range");

  const pen = /** @type {CanvasRenderingContext2D} */ (document.createElement("canvas").getContext("2d"));
  /** @param {Control} element */
  function isLargerThanItsBox(element) {
    if (element instanceof HTMLSelectElement) {
      if (element.title.includes(element.selectedOptions[0]?.text)) return false;
      const style = getComputedStyle(element);
      pen.font = style.font;
      return (
        pen.measureText(element.selectedOptions[0]?.text ?? "").width + parseFloat(style.paddingLeft) >
        element.clientWidth - 18
      ); // its arrow
    }
    if (element.getAttribute("role") === "combobox") return false; // typed into, it scrolls
    if (element instanceof HTMLInputElement && !["text", "number", "password"].includes(element.type)) return false;
    return element.scrollWidth > element.clientWidth + SLACK && getComputedStyle(element).display !== "inline";
  }

  /** @param {Control} element */
  function checkControl(element) {
    element.scrollIntoView({ block: "center", inline: "center", behavior: "instant" });
    for (const [parent, style] of clippers(element)) if (!scrolls(style, "x")) parent.scrollLeft = 0; // a script alone can scroll those
    const box = element.getBoundingClientRect();
    if (box.width < TAP || (box.height < TAP && element.type !== "range"))
      cut.add(`${name(element)}: ${box.width.toFixed()}×${box.height.toFixed()} px`);
    else if (isLargerThanItsBox(element)) cut.add(`${name(element)}: larger than its box`);
    else if (isCut(element, box)) cut.add(`${name(element)}: cut`);
    if (!isInSight(element, centre(box))) covered.add(`${name(element)}: out of sight`);
    else checkCentre(element);
  }

  function checkTexts() {
    const range = document.createRange();
    const texts = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
    while (texts.nextNode()) {
      const text = /** @type {Text} */ (texts.currentNode);
      const element = text.parentElement;
      if (
        !element ||
        !text.data.trim() ||
        !isSeen(element) ||
        element.closest("svg, script, style, noscript, option, .katex-mathml")
      )
        continue;
      if (element.closest("[title]")?.getAttribute("title")?.includes(words(element))) continue;
      range.selectNodeContents(text);
      const box = range.getBoundingClientRect();
      if (box.width && isCut(element, box)) cut.add(`text ${name(element)}`);
    }
  }

  function checkPictures() {
    /** @param {Element} element */
    const laidOut = (element) => !element.closest(".er-map, .page-map, .gr-plane, .er-strip, button"); // not painted over something
    for (const element of document.querySelectorAll("canvas, img"))
      if (isSeen(element) && laidOut(element) && isCut(element, element.getBoundingClientRect()))
        cut.add(`picture ${name(element)}`);
    for (const element of document.querySelectorAll(".katex-html")) {
      const line = element.closest(".gr-formula, .eb-formula, p, li");
      if (line && isSeen(line) && line.scrollWidth > line.clientWidth + SLACK)
        cut.add(`formula ${words(element).slice(0, 30)}`);
    }
  }

  const controls = [...document.querySelectorAll(CONTROLS)].filter((element) => {
    const { width, height } = element.getBoundingClientRect();
    return isSeen(element) && (width > 2 || height > 2 || element.tagName === "BUTTON"); // an input may have a box of its own in its place
  });
  for (const top of [0, scroller.scrollHeight]) {
    scroller.scrollTop = top;
    for (const element of controls)
      if (isInSight(element, centre(element.getBoundingClientRect()))) checkCentre(element);
    checkOverlaps(controls);
  }
  controls.forEach(checkControl);
  scroller.scrollTop = 0;
  checkTexts();
  checkPictures();
  for (const element of [root, scroller])
    if (element.scrollWidth > element.clientWidth)
      cut.add(`the page is ${element.scrollWidth - element.clientWidth} px wider than the window`);
  return { covered: [...covered], cut: [...cut], controls: controls.length };
};
