-- by: channel
-- variants:
with first_time as (
    select channel, made__first_resolved_at as resolved, coalesce(made__first_resolved_at, opened_at) as moment, (
        select min(e.changed_at) from facts.main.status_events e
        where e.conversation_id = c.source_id and e.source = c.source and not e.deleted and e.field = 'status'
            and e.changed_at > c.made__first_resolved_at and e.new not in ('solved', 'closed')
    ) as back
    from cases c
)
select slot(moment) as period, case when getvariable('dimension') = 'channel' then channel end as dim,
    100.0 * count(*) filter (back <= resolved + interval 7 day) / count(resolved) as value,
    count(resolved) as n, count(*) - count(resolved) as pending
from first_time where asked(moment) group by 1, 2
