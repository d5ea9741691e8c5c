-- by: feature
-- variants:
with used as (
    select slot(used_at) as period, coalesce('p' || customer_id, 'a' || account_id) as who, feature
    from facts.main.usage
    where not deleted and asked(used_at) and feature is not null and coalesce(quantity, 1) <> 0
),
born as (
    select feature, min(slot(used_at)) as since from facts.main.usage
    where not deleted and used_at < midnight(getvariable('finish')) and feature is not null and coalesce(quantity, 1) <> 0
    group by 1
),
pairs as (
    select a.period, a.who, b.feature, exists (select 1 from used u where u.who = a.who and u.feature = b.feature
        and u.period is not distinct from a.period) as adopted
    from (select distinct period, who from used where who is not null) a join born b on b.since is null or b.since <= a.period
)
select period, case when getvariable('dimension') = 'feature' then feature end as dim,
    100.0 * count(*) filter (adopted) / count(*) as value, count(*) as n, 0 as pending
from pairs group by 1, 2
