type("intent", (q, kit) => [
  kit.group(q, kit.options(q.options, 0, "choice")),
  q.done[0] && kit.group({ title: q.done_title }, kit.options(q.done, 0, "done")),
]);
