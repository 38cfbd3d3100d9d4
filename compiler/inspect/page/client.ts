/// <reference lib="dom" />
/// <reference lib="dom.iterable" />
/** Runs in the page: one choice of kernels, which everything that is about them lights up for. */
(() => {
  const all = <E extends Element>(query: string, within: ParentNode = document): E[] => [...within.querySelectorAll<E>(query)];
  const words = (text: string | null | undefined): string[] => (text ?? "").split(" ").filter((word) => word !== "");
  // Links in pictures name their kernel in the address alone.
  for (const link of all<SVGAElement>('.picture a[href^="#kernel-"]:not([data-k])'))
    link.dataset.k = link.getAttribute("href")?.slice("#kernel-".length) ?? "";
  const marked = all<HTMLElement | SVGElement>("[data-k]");
  const articles = all<HTMLElement>("article.kernel");
  const lines = all<HTMLAnchorElement>("a.line");
  const tabs = all<HTMLButtonElement>("[role=tab]");
  const sources = all<HTMLElement>(".source");
  const rows = all<HTMLTableRowElement>(".kernels tbody tr");
  const hint = document.querySelector<HTMLElement>(".hint");
  document.documentElement.classList.add("script");

  function openTab(index: number): void {
    tabs.forEach((tab, i) => {
      tab.setAttribute("aria-selected", String(i === index));
      tab.tabIndex = i === index ? 0 : -1;
    });
    sources.forEach((source, i) => void source.classList.toggle("shown", i === index));
  }

  /** Within its own scroller only: the page stays where the reader is. */
  function reveal(element: Element | undefined): void {
    const scroller = element?.closest(".scroller");
    if (!element || !scroller) return;
    const [own, around] = [element.getBoundingClientRect(), scroller.getBoundingClientRect()];
    if (own.top < around.top + 30 || own.bottom > around.bottom)
      scroller.scrollTop += own.top - around.top - around.height / 2 + own.height / 2;
  }

  /** Lights up `names`; the details are those of `shown`. `line`: the line that was chosen, where it was one. */
  function choose(names: readonly string[], shown: string | undefined, line?: Element): void {
    const chosen = new Set(names);
    for (const element of marked) {
      if (element.matches("a.line")) continue;
      const own = words(element.dataset.k);
      // An arc is between two kernels: it belongs to each of them.
      element.classList.toggle(
        "on",
        own.some((name) => chosen.has(name)),
      );
    }
    for (const element of lines) {
      const one = line ?? undefined;
      const on = one ? element === one : words(element.dataset.own).some((name) => chosen.has(name));
      element.classList.toggle("on", on);
      element.classList.toggle("via", !on && !one && words(element.dataset.k).some((name) => chosen.has(name)));
    }
    for (const article of articles) article.classList.toggle("shown", article.dataset.kernel === shown);
    for (const arena of all(".arena")) arena.classList.toggle("chosen", chosen.size > 0);
    hint?.toggleAttribute("hidden", shown !== undefined);
  }

  function chooseKernel(name: string): void {
    if (!articles.some((article) => article.dataset.kernel === name)) return;
    choose([name], name);
    const own = lines.filter((line) => line.classList.contains("on"));
    const first = own.find((line) => line.closest(".source.shown")) ?? own[0];
    const source = first?.closest(".source");
    if (source && !source.classList.contains("shown")) openTab(sources.indexOf(source as HTMLElement));
    reveal(first);
    reveal(rows.find((row) => row.dataset.k === name));
  }

  function chooseLine(line: HTMLAnchorElement): void {
    const names = words(line.dataset.own).length > 0 ? words(line.dataset.own) : words(line.dataset.k);
    const byWeight = rows
      .filter((row) => names.includes(row.dataset.k ?? ""))
      .sort((a, b) => Number(b.dataset.weight) - Number(a.dataset.weight));
    choose(names, byWeight[0]?.dataset.k, line);
    reveal(byWeight[0]);
  }

  function goTo(place: string): void {
    const line = lines.find((one) => one.dataset.line === place);
    const source = line?.closest<HTMLElement>(".source");
    if (!line || !source) return;
    openTab(sources.indexOf(source));
    reveal(line);
    line.focus({ preventScroll: true });
    document.getElementById("sources")?.scrollIntoView({ block: "nearest" });
  }

  function fromAddress(): void {
    const hash = decodeURIComponent(location.hash.slice(1));
    if (hash.startsWith("kernel-")) chooseKernel(hash.slice("kernel-".length));
    const line = lines.find((one) => one.hash === location.hash);
    if (line) chooseLine(line);
  }

  document.addEventListener("click", (event) => {
    const target = event.target instanceof Element ? event.target : undefined;
    const link = target?.closest<HTMLAnchorElement | SVGAElement>("a[href]");
    if (link instanceof HTMLElement && link.dataset.goto !== undefined) {
      event.preventDefault();
      goTo(link.dataset.goto);
      return;
    }
    const row = target?.closest<HTMLElement>(".kernels tr[data-k]");
    const href = link?.getAttribute("href") ?? (row ? `#kernel-${row.dataset.k}` : "");
    if (!/^#(kernel|line)-/.test(href)) return;
    // The address changes, so that it can be kept and gone back from, and nothing jumps.
    event.preventDefault();
    if (location.hash !== href) history.pushState(null, "", href);
    fromAddress();
    const inside = target?.closest("#details, .graph, #refused, figure");
    if (inside) document.querySelector("article.kernel.shown")?.scrollIntoView({ block: "nearest" });
  });
  addEventListener("popstate", fromAddress);

  const beside = (list: readonly HTMLElement[], from: Element, step: number): void => {
    const shown = list.filter((element) => element.offsetParent !== null);
    shown[shown.indexOf(from as HTMLElement) + step]?.focus();
  };
  document.addEventListener("keydown", (event) => {
    const from = document.activeElement;
    if (event.key === "Escape") {
      history.replaceState(null, "", " ");
      choose([], undefined);
    }
    const step = { ArrowDown: 1, ArrowUp: -1, ArrowRight: 1, ArrowLeft: -1 }[event.key];
    if (step === undefined || !from) return;
    const upright = event.key === "ArrowDown" || event.key === "ArrowUp";
    if (upright && from.matches("a.line")) beside(lines, from, step);
    else if (upright && from.matches(".kernels a")) beside(all<HTMLElement>(".kernels a"), from, step);
    else if (!upright && from.matches("[role=tab]")) {
      const to = (tabs.indexOf(from as HTMLButtonElement) + step + tabs.length) % tabs.length;
      openTab(to);
      tabs[to]?.focus();
    } else return;
    event.preventDefault();
  });

  for (const [i, tab] of tabs.entries()) tab.addEventListener("click", () => openTab(i));

  const find = document.querySelector<HTMLInputElement>("#find");
  find?.addEventListener("input", () => {
    const text = find.value.trim().toLowerCase();
    for (const row of rows) row.hidden = !(row.dataset.k ?? "").toLowerCase().includes(text);
  });
  function order(by: "weight" | "order"): void {
    const value = (row: HTMLElement): number => (by === "weight" ? -Number(row.dataset.weight) : Number(row.dataset.order));
    rows[0]?.parentElement?.append(...[...rows].sort((a, b) => value(a) - value(b) || Number(a.dataset.order) - Number(b.dataset.order)));
  }
  for (const radio of all<HTMLInputElement>("input[name=order]"))
    radio.addEventListener("change", () => order(radio.value === "weight" ? "weight" : "order"));
  const reason = document.querySelector<HTMLSelectElement>("#reason");
  reason?.addEventListener("change", () => {
    for (const row of all<HTMLElement>("#refused tbody tr")) row.hidden = reason.value !== "" && row.dataset.reason !== reason.value;
  });

  openTab(0);
  order("weight");
  if (location.hash.length > 1) fromAddress();
  else {
    const heaviest = [...rows].sort((a, b) => Number(b.dataset.weight) - Number(a.dataset.weight))[0];
    if (heaviest?.dataset.k) chooseKernel(heaviest.dataset.k);
  }
})();
