type("text", (q, kit) => kit.text(q.title, q.most, q.lines));
