with written as (
    select t.id, count(*) as messages from cases t join facts.main.messages m
        on m.conversation_id = t.source_id and m.source = t.source and not m.deleted
    where m.author_type = 'customer' and not coalesce(m.auto_reply, false) and m.sent_at <= coalesce(t.made__resolved_at, 'infinity')
    group by 1
)
select slot(coalesce(t.made__resolved_at, t.opened_at)) as period, coalesce(c.segment, a.segment) as segment,
    coalesce(t.customer_id, t.account_id, t.id) as unit, t.id, coalesce(w.messages, 0) as x, t.made__resolved_at is null as waiting
from cases t left join written w on w.id = t.id @segment(t, coalesce(t.made__resolved_at, t.opened_at))
where asked(coalesce(t.made__resolved_at, t.opened_at))
