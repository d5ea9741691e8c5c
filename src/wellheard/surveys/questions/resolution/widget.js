type("resolution", (q, kit) => kit.group(q, kit.options(q.options)));
