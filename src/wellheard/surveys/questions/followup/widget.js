type("followup", (q, kit) => kit.text(q.titles[kit.outcome(q.of)] || q.title, q.most, q.lines));
