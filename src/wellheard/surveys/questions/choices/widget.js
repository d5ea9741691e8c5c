type("choices", (q, kit) =>
  kit.group(q, kit.options(q.options, q.many, "choice"), q.other && kit.text(q.options.at(-1).label, 400, 1, "other")));
