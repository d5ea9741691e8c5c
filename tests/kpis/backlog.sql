-- by: channel
-- variants: age_p90
with ends as (select period, midnight(after_day) as finish from windows),
still as (
    select w.period, c.channel, epoch(w.finish) - epoch(c.opened_at) as age
    from cases c join ends w on c.opened_at < w.finish
    where coalesce((
        select arg_max(e.new, (e.changed_at, e.source_id)) from facts.main.status_events e
        where e.conversation_id = c.source_id and e.source = c.source and not e.deleted and e.field = 'status' and e.changed_at < w.finish
    ), 'open') not in ('solved', 'closed') or c.made__reopen_count > 1 and c.made__first_reopened_at < w.finish and c.made__resolved_at >= w.finish
)
select period, case when getvariable('dimension') = 'channel' then channel end as dim,
    case when getvariable('variant') = 'age_p90' then quantile_cont(age, 0.9) else count(*) end as value, count(*) as n, 0 as pending
from still group by 1, 2
