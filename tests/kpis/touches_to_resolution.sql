-- by: channel
-- variants: handoffs
with written as (
    select c.id, count(*) as messages from cases c join facts.main.messages m
        on m.conversation_id = c.source_id and m.source = c.source and not m.deleted
    where m.author_type = 'customer' and not coalesce(m.auto_reply, false)
        and (m.sent_at <= c.made__resolved_at or c.made__resolved_at is null) group by 1
),
moved as (
    select c.id, count(distinct e.changed_at) as passes from cases c join facts.main.status_events e
        on e.conversation_id = c.source_id and e.source = c.source and not e.deleted
    where e.field in ('team', 'agent_id') and e.old is not null and e.new is not null and e.new <> e.old group by 1
),
judged as (
    select channel, coalesce(made__resolved_at, opened_at) as moment, made__resolved_at is not null as resolved,
        case when getvariable('variant') = 'handoffs' then coalesce(passes, 0) else coalesce(messages, 0) end as x
    from cases left join written using (id) left join moved using (id)
)
select slot(moment) as period, case when getvariable('dimension') = 'channel' then channel end as dim,
    quantile_cont(x, 0.5) filter (resolved) as value,
    count(*) filter (resolved) as n, count(*) filter (not resolved) as pending
from judged where asked(moment) group by 1, 2
