type("emotions", (q, kit) =>
  kit.group(q, kit.ends(q), q.items.map((item) => kit.group({ title: item.label }, kit.points(q.points, q, item.value)))));
