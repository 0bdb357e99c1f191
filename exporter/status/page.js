"use strict";
// Refresh the page from itself, and let people choose what they see. Whatever comes from the
// server is parsed as a document whose scripts never run; texts are set as text.
(() => {
  const EVERY = 5000; // milliseconds between two refreshes, more if one takes long
  const TOO_OLD = 3; // so many of these pauses without one, and the page says that it is old
  const MOST_PARTS = 10; // open parts that are loaded again with the page; the others are closed
  const MOST_NEWS = 3; // accounts that are named to a screen reader at once
  const byId = (id) => document.getElementById(id);
  const lower = (element) => element.textContent.toLowerCase();

  let sorting = { column: -1, direction: 1 };
  let fresh = { at: Date.now(), clock: byId("as-of").textContent, title: document.title };
  let pause = EVERY;
  let timer = 0;

  const accounts = (within = document) => [...within.querySelectorAll("tbody.account")];

  function choose() {
    const wanted = byId("filter").value.trim().toLowerCase();
    const onlyLook = byId("look").checked;
    let shown = 0;
    for (const account of accounts()) {
      const isSeen = matches(account, wanted) && (!onlyLook || "look" in account.dataset);
      account.hidden = !isSeen;
      shown += isSeen;
    }
    for (const table of document.querySelectorAll(".totals table")) {
      const rows = [...table.tBodies[0].rows];
      const hits = rows.filter((row) => lower(row.cells[0]).includes(wanted));
      for (const row of rows) row.hidden = hits.length > 0 && !hits.includes(row);
    }
    const all = accounts().length;
    byId("matches").textContent = wanted || onlyLook ? `${shown} of ${all} accounts` : "";
  }

  /** Say whether an account matches; if only assets of it do, leave only those in sight. */
  function matches(account, wanted) {
    const [head, more] = account.rows;
    const notes = [...more.querySelectorAll(".note")];
    const isWhole = [head, ...notes].some((element) => lower(element).includes(wanted));
    const rows = [...account.querySelectorAll(".balances tbody tr")];
    const zeros = account.querySelector(".zeros");
    const isZero = !isWhole && zeros !== null && lower(zeros.lastElementChild).includes(wanted);
    // An account whose balances are not loaded only lists the assets that it holds.
    const isHeld = (account.dataset.assets ?? "").toLowerCase().includes(wanted);
    let hits = 0;
    for (const row of rows) {
      row.hidden = !isWhole && !lower(row.cells[0]).includes(wanted);
      hits += !row.hidden;
    }
    const details = more.querySelector("details");
    setOpen(details, !isWhole && (hits > 0 || isZero));
    if (zeros) setOpen(zeros, isZero);
    return isWhole || isHeld || hits > 0 || isZero;
  }

  /** Open what has a match, and close it again only if it was closed before. */
  function setOpen(details, isWanted) {
    if (isWanted && !details.open) {
      details.open = true;
      details.dataset.found = "";
    } else if (!isWanted && "found" in details.dataset) {
      details.open = false;
      delete details.dataset.found;
    }
  }

  function sort() {
    for (const table of document.querySelectorAll("table.accounts")) {
      [...table.tHead.rows[0].cells].forEach((head, column) => {
        if (column !== sorting.column) head.removeAttribute("aria-sort");
        else head.setAttribute("aria-sort", sorting.direction > 0 ? "ascending" : "descending");
      });
      if (sorting.column < 0) continue;
      const sorted = accounts(table).sort((a, b) => sorting.direction * compare(value(a), value(b)));
      table.append(...sorted);
    }
  }

  const value = (account) => {
    const cell = account.rows[0].cells[sorting.column];
    return cell.dataset.by === undefined ? cell.textContent : Number(cell.dataset.by);
  };
  const compare = (a, b) => (typeof a === "number" ? a - b : a.localeCompare(b));

  function addButtons() {
    document.querySelectorAll("table.accounts").forEach((table, number) => {
      [...table.tHead.rows[0].cells].forEach((head, column) => {
        const button = document.createElement("button");
        button.type = "button";
        button.id = number === 0 ? `sort-${column}` : `sort-${column}-${number}`;
        button.textContent = head.textContent;
        button.addEventListener("click", () => {
          sorting = { column, direction: sorting.column === column ? -sorting.direction : 1 };
          sort();
        });
        head.replaceChildren(button);
      });
    });
  }

  /** Load what stands on a page of its own, when it is opened. */
  async function openPart(details) {
    if (!details.open || !("part" in details.dataset) || "loaded" in details.dataset) return;
    details.dataset.loaded = "";
    try {
      fill(details, await load(details.dataset.part));
      choose();
    } catch {
      delete details.dataset.loaded; // the link inside stays, and the next opening tries again
    }
  }

  function fill(details, page) {
    const part = page.getElementById(details.id);
    if (!part) return;
    details.dataset.loaded = "";
    details.replaceChildren(...[...part.childNodes].map((node) => document.adoptNode(node)));
  }

  async function refresh() {
    clearTimeout(timer);
    if (document.hidden) return;
    // A page that was hidden, or whose machine slept, must not look fresh until it is.
    if (isOld()) sayOld(`Not refreshed since ${fresh.clock}.`);
    const started = performance.now();
    try {
      take(await loadAll());
    } catch (error) {
      sayOld(`No contact with the exporter since ${fresh.clock}: ${error.message}`);
    }
    pause = Math.max(EVERY, 20 * (performance.now() - started));
    timer = setTimeout(refresh, pause);
  }

  const isOld = () => Date.now() - fresh.at > TOO_OLD * pause;

  async function load(address) {
    const options = { cache: "no-store", redirect: "error", signal: AbortSignal.timeout(10000) };
    const response = await fetch(address, options).catch(() => {
      throw new Error("it can’t be reached.");
    });
    if (!response.ok) throw new Error(`HTTP status ${response.status}.`);
    const page = new DOMParser().parseFromString(await response.text(), "text/html");
    if (!page.getElementById("content")) throw new Error("another page is served in its place.");
    return page;
  }

  /** Load the page, and again the parts of it that are open. */
  async function loadAll() {
    const open = [...document.querySelectorAll("details[data-loaded][open]")].slice(0, MOST_PARTS);
    const parts = open.map(async (details) => {
      const page = await load(details.dataset.part).catch(() => null);
      return [details.id, page];
    });
    const page = await load(location.pathname + location.search);
    for (const [id, part] of await Promise.all(parts)) {
      const details = page.getElementById(id);
      if (details && part) fill(details, part);
    }
    return page;
  }

  function take(page) {
    if (isSelecting()) {
      if (isOld()) sayOld(`Not refreshed since ${fresh.clock}, because text is selected.`);
      return;
    }
    const focused = document.activeElement?.id || document.activeElement?.parentElement?.id;
    const known = troubles();
    for (const id of ["summary", "content"]) {
      const [before, after] = [byId(id), page.getElementById(id)];
      keepOpen(before, after);
      before.replaceWith(document.adoptNode(after));
    }
    document.querySelector("link[rel=icon]").href = page.querySelector("link[rel=icon]").href;
    fresh = { at: Date.now(), clock: byId("as-of").textContent, title: page.title };
    addButtons();
    sort();
    choose();
    focusAgain(focused);
    sayNews(known);
    sayFresh();
  }

  /** Return what is wrong with which account: its name with its state, by its id. */
  function troubles() {
    const found = new Map();
    for (const account of accounts()) {
      if (account.classList.contains("up")) continue;
      const [name, , state] = account.rows[0].cells;
      const words = `${name.querySelector("bdi").textContent} is ${state.textContent.trim()}`;
      found.set(account.id, words);
    }
    return found;
  }

  /** Tell a screen reader what went wrong since the last refresh, and only that. */
  function sayNews(known) {
    const news = [...troubles()].filter(([id, words]) => known.get(id) !== words);
    const said = news.slice(0, MOST_NEWS).map(([, words]) => words);
    if (news.length > MOST_NEWS) said.push(`and ${news.length - MOST_NEWS} more`);
    if (said.length > 0) byId("news").textContent = `${said.join("; ")}.`;
  }

  const isSelecting = () => {
    const selection = getSelection();
    return !selection.isCollapsed && document.querySelector("main").contains(selection.anchorNode);
  };

  function keepOpen(before, after) {
    const known = new Map();
    for (const details of before.querySelectorAll("details[id]")) known.set(details.id, details);
    for (const details of after.querySelectorAll("details[id]")) {
      const old = known.get(details.id);
      if (!old) continue;
      details.open = old.open && (!("part" in details.dataset) || "loaded" in details.dataset);
      if ("found" in old.dataset) details.dataset.found = "";
    }
  }

  function focusAgain(id) {
    const element = id && byId(id);
    if (!element || element.contains(document.activeElement)) return;
    (element.querySelector("summary") ?? element).focus({ preventScroll: true });
  }

  function sayOld(text) {
    const contact = byId("contact");
    if (contact.textContent !== text) contact.textContent = text;
    contact.hidden = false;
    document.body.classList.add("stale");
    document.title = `old · ${fresh.title}`;
  }

  function sayFresh() {
    byId("contact").hidden = true;
    document.body.classList.remove("stale");
    document.title = fresh.title;
  }

  byId("choice").hidden = false;
  byId("choice").addEventListener("submit", (event) => event.preventDefault());
  byId("choice").addEventListener("input", choose);
  document.addEventListener("toggle", (event) => openPart(event.target), true);
  document.addEventListener("visibilitychange", refresh);
  addEventListener("pageshow", (event) => event.persisted && refresh());
  addButtons();
  choose();
  timer = setTimeout(refresh, EVERY);
})();
