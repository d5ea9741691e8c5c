-- by: topic
-- variants:
select slot(opened_at) as period, case when getvariable('dimension') = 'topic' then topic end as dim,
    100.0 * avg(escalated::int) as value, count(escalated) as n, 0 as pending
from cases where asked(opened_at) and opened_by = 'customer' group by 1, 2
