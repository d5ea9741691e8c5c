// Asks a survey on somebody else's page: in a shadow tree of its own, without cookies, dependencies or inline code.
(() => {
  "use strict";
  const script = document.currentScript;
  const base = new URL(".", script.src).href.replace(/widget\/$/, "");
  const QUEUE = "wellheard-queue", EDIT = "wellheard-edit", SEEN = "wellheard-seen-";
  const SVG = "http://www.w3.org/2000/svg";
  const types = {};
  const type = (name, render) => { types[name] = render; };
  const sheetText = CSS_TEXT;

  // What is kept on this device: answers not sent yet, and which survey was shown when. A page may forbid it.
  const memory = {};
  const load = (key) => { try { return JSON.parse(localStorage.getItem(key)); } catch { return memory[key]; } };
  const save = (key, value) => { memory[key] = value; try { localStorage.setItem(key, JSON.stringify(value)); } catch {} };
  const random = () => Array.from(crypto.getRandomValues(new Uint8Array(16)), (n) => n.toString(16).padStart(2, "0")).join("");

  function h(tag, given, ...children) {
    const at = tag === "svg" || tag === "path" || tag === "circle" ? document.createElementNS(SVG, tag) : document.createElement(tag);
    for (const [name, value] of Object.entries(given || {})) {
      if (name.startsWith("on")) at.addEventListener(name.slice(2), value);
      else if (value !== false && value != null) at.setAttribute(name, value === true ? "" : value);
    }
    at.append(...children.flat(9).filter((child) => child || child === 0));
    return at;
  }
  const icon = (...paths) => h("svg", { viewBox: "0 0 24 24", "aria-hidden": "true" }, paths.map((d) => h("path", { d })));
  const star = () => icon("M12 2.6l2.9 6 6.5.9-4.7 4.6 1.1 6.5-5.8-3.1-5.8 3.1 1.1-6.5L2.6 9.5l6.5-.9z");
  function face(n, most) {
    const bend = ((n - 1) / (most - 1)) * 8 - 4, end = 15.5 - bend / 4;
    return icon("M2 12a10 10 0 1020 0 10 10 0 10-20 0M8.5 9v1M15.5 9v1", `M7.5 ${end}Q12 ${15.5 + bend} 16.5 ${end}`);
  }

  // What the question types are drawn with.
  function kitOf(q, words, outcome) {
    const field = (part) => (part ? q.id + "." + part : q.id);
    const kit = {
      outcome,
      title: (text) => [text, !q.required && h("small", 0, ` (${words.optional})`)],
      group: (of, ...inside) => h("fieldset", 0, h("legend", 0, of === q ? kit.title(q.title) : of.title), inside),
      points(points, of, part) {
        const most = points.at(-1).value, look = part ? "numbers" : of.look;
        const sign = { stars: star, faces: (p) => face(p.value, most) }[look];
        return h("div", { class: "points " + look + " n" + points.length }, points.map((p) => h("label", 0,
          h("input", { type: "radio", name: field(part), value: p.value }),
          h("span", 0, sign ? sign(p) : p.label,
            sign && h("b", 0, words.point_of.replace("{n}", p.label).replace("{most}", most)),
            p.spoken && h("b", 0, ": " + p.spoken)))));
      },
      ends: (of) => of.low && h("p", { class: "ends", "aria-hidden": "true" },
        h("span", 0, `${of.points[0].label} = ${of.low}`), h("span", 0, `${of.points.at(-1).label} = ${of.high}`)),
      options: (options, many, part) => options.map((o) => h("label", { class: "option" },
        h("input", { type: many ? "checkbox" : "radio", name: field(part), value: o.value }), h("span", 0, o.label))),
      text(title, most, rows, part) {
        const id = "t-" + field(part);
        return [h("label", { for: id, class: part ? "" : "title" }, part ? title : kit.title(title)),
          h("textarea", { id, name: field(part), rows, maxlength: most })];
      },
    };
    return kit;
  }

  // The answers of a form, in the shape in which the API takes them.
  function filled(form, answers) {
    const made = { ...answers };
    for (const at of form.elements) {
      if (!at.name) continue;
      const [id, part] = at.name.split(".");
      if (at.type === "radio" || at.type === "checkbox" ? !at.checked : !at.value.trim()) continue;
      if (!part) made[id] = at.value;
      else {
        const parts = (made[id] = made[id] || {});
        if (at.type === "checkbox") (parts[part] = parts[part] || []).push(at.value);
        else parts[part] = at.value;
      }
    }
    return made;
  }

  const flat = (raw) => (raw && raw.choice !== undefined ? raw.choice : raw);
  function outcomeOf(survey, answers, id) {
    const q = survey.steps.flat().find((one) => one.id === id), raw = answers[id];
    const given = raw && raw.done !== undefined ? raw.done : flat(raw);
    const found = q && (q.points || q.done || q.options || []).find((one) => String(one.value) === String(given));
    return found && found.outcome;
  }
  const holds = (survey, answers) => (c) => {
    const raw = answers[c.question], number = Number(flat(raw));
    return raw !== undefined && (!c.outcome || c.outcome.includes(outcomeOf(survey, answers, c.question)))
      && (c.at_least == null || number >= c.at_least) && (c.at_most == null || number <= c.at_most)
      && (!c.choice || [flat(raw)].flat().some((one) => c.choice.includes(one)));
  };

  // Sends what waits, in order; what the network or the server could not take waits on, here and after a reload.
  let sending, pause = 2000;
  const flush = () => (sending ||= sendAll().finally(() => { sending = undefined; }));
  async function sendAll() {
    try {
      for (let queue = load(QUEUE) || []; queue.length; ) {
        const [item] = queue;
        const answer = await fetch(item.to, {
          method: "POST", credentials: "omit", keepalive: true, headers: { "content-type": "application/json" },
          body: JSON.stringify({ ...item.body, seconds_ago: Math.max(0, (Date.now() - item.at) / 1000) }),
        });
        if (!answer.ok && (answer.status >= 500 || answer.status === 429 || answer.status === 408)) throw answer.status;
        const { edit } = answer.ok ? await answer.json() : {};
        queue = (load(QUEUE) || []).filter((one) => one.body.key !== item.body.key);
        for (const one of queue) if (edit && one.of === item.of) one.body.edit = edit;
        save(QUEUE, queue);
        if (edit) save(EDIT, { of: item.of, edit });
      }
      pause = 2000;
      return true;
    } catch {
      setTimeout(flush, (pause = Math.min(pause * 2, 6e4)));
      return false;
    }
  }
  function send(to, of, body) {
    const last = load(EDIT);
    if (last && last.of === of && last.edit) body.edit = last.edit;
    save(QUEUE, [...(load(QUEUE) || []).slice(-50), { to, of, body, at: Date.now() }]);
    return flush();
  }

  function draw(survey, options) {
    const before = document.activeElement, of = random(), drawn = Date.now();
    const host = h("div", { lang: survey.language }), root = host.attachShadow({ mode: "open" });
    const sheet = new CSSStyleSheet();
    sheet.replaceSync(sheetText + `:host{--accent:${survey.accent};--on:${survey.on}}`);
    root.adoptedStyleSheets = [sheet];
    const body = h("div"), words = survey.words;
    const close = () => { host.remove(); if (survey.anonymous) save(EDIT, null); before?.focus?.(); };
    const box = h("section", {
      role: "dialog", "aria-label": survey.title, dir: survey.dir, tabindex: -1,
      onkeydown: (event) => { if (event.key === "Escape") { event.stopPropagation(); close(); } },
    }, h("header", 0, h("span", 0, survey.title), h("button", { type: "button", class: "x", "aria-label": words.close, onclick: close }, icon("M5 5l14 14M19 5L5 19"))),
    survey.test && h("p", { class: "note" }, words.test), survey.anonymous && h("p", { class: "note" }, words.anonymous), body);
    root.append(box);
    let answers = {};

    function page(number) {
      const listed = survey.steps[number].filter((q) => q.when.every(holds(survey, answers)));
      if (!listed.length) return next(number);
      const fault = h("p", { class: "fault", role: "alert" });
      const form = h("form", { novalidate: true, onsubmit: (event) => {
        event.preventDefault();
        const made = filled(form, answers), missing = listed.find((q) => q.required && made[q.id] === undefined);
        fault.textContent = missing ? words.missing : "";
        if (missing) return form.querySelector(`[name^="${missing.id}"]`).focus();
        answers = made;
        next(number, form);
      } }, listed.map((q) => types[q.type] && types[q.type](q, kitOf(q, words, (id) => outcomeOf(survey, answers, id)))),
      fault, h("button", { type: "submit" }, number < survey.steps.length - 1 ? words.next : words.send));
      turn(form);
    }
    function next(number, form) {
      const later = survey.steps.findIndex((page, i) => i > number && page.some((q) => q.when.every(holds(survey, answers))));
      if (form && Object.keys(answers).length) {
        send(`${base}s/${options.survey}/answers`, of, {
          key: random(), answers: { ...answers }, step: later < 0 ? undefined : number, language: survey.language, channel: "widget",
          touchpoint: options.touchpoint, identity: options.identity, seconds_taken: (Date.now() - drawn) / 1000,
        }).then((sent) => {
          const last = load(EDIT);
          if (later >= 0) return;
          if (!sent) return (note.textContent = words.failed);
          // The code by which an anonymous answer can be deleted is shown once, and not left on the device.
          if (survey.anonymous && last && last.of === of) note.append(words.receipt, h("br"), h("code", 0, last.edit));
          save(EDIT, null);
        });
      }
      if (later >= 0) return page(later);
      const said = survey.thanks.find((t) => t.when.every(holds(survey, answers))) || survey.ended;
      turn(h("div", { class: "ended" }, h("h2", { tabindex: -1 }, said.title), h("p", 0, said.text),
        /^https:/.test(said.link) && h("p", 0, h("a", { href: said.link, target: "_blank", rel: "noopener noreferrer" }, said.link_words)), note));
    }
    const note = h("p", { class: "note", role: "status" });
    function turn(content) {
      const inside = root.activeElement;
      body.replaceChildren(content);
      if (inside) (content.querySelector("input,textarea,h2") || box).focus();
    }
    page(0);
    document.body.append(host);
    if (options.focus) box.focus();
    return close;
  }

  async function show(options) {
    const wanted = options.language || document.documentElement.lang || navigator.language;
    const asked = new URLSearchParams({ lang: wanted, identity: options.identity || "" });
    const answer = await fetch(`${base}s/${options.survey}/widget?${asked}`, { credentials: "omit" });
    if (!answer.ok) return undefined;
    save(SEEN + options.survey, Date.now());
    return draw(await answer.json(), options);
  }

TYPES
  addEventListener("online", flush);
  flush();
  window.wellheard = { show };
  const told = script.dataset, seen = told.survey && load(SEEN + told.survey);
  const rested = !seen || Date.now() - seen > (told.again || 90) * 864e5;
  if (told.survey && rested) setTimeout(() => show(told).catch(() => {}), (told.delay || 0) * 1000);
})();
