with used as (
    select slot(used_at) as period, customer_id, account_id, count(distinct feature) as features, max(used_at) as last
    from facts.main.usage
    where not deleted and asked(used_at) and feature is not null and coalesce(quantity, 1) <> 0
    group by 1, 2, 3
),
born as (
    select slot(min(used_at)) as since from facts.main.usage
    where not deleted and used_at < {end} and feature is not null and coalesce(quantity, 1) <> 0 group by feature
),
known as (select w.period, count(*) as features from windows w join born b on b.since <= w.period group by 1)
select t.period, coalesce(c.segment, a.segment) as segment, coalesce(t.customer_id, t.account_id) as unit,
    sum(t.features) as num, sum(k.features) as den, den as n, 0 as pending
from used t join known k on k.period = t.period @segment(t, t.last)
where coalesce(t.customer_id, t.account_id) is not null
group by 1, 2, 3
