type("nps", (q, kit) => kit.group(q, kit.points(q.points, q), kit.ends(q)));
