-- by: channel
-- variants:
with spent as (
    select coalesce(made__resolved_at, opened_at) as moment, channel, cost as amount, made__resolved_at is not null as resolved, true as matter
    from cases
    union all
    select incurred_at, channel, amount, false, false from facts.main.costs
    where not deleted and kind = 'service' and conversation_id is null
)
select slot(moment) as period, case when getvariable('dimension') = 'channel' then channel end as dim,
    (sum(amount) filter (resolved or not matter))::double / nullif(count(*) filter (resolved), 0) as value,
    count(*) filter (resolved) as n, count(*) filter (matter and not resolved) as pending
from spent where asked(moment) group by 1, 2
