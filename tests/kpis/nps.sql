-- by: region
-- variants: latest_per_customer mean by_account revenue_weighted
with given as (
    select r.*, slot(r.answered_at) as period, coalesce(c.region, a.region) as region,
        coalesce('p' || r.customer_id, 's' || r.submission_id, r.id) as who, coalesce(r.account_id, c.account_id) as firm
    from responses r
    left join people c on c.source_id = r.customer_id and held(r.answered_at, c.valid_from, c.valid_to)
    left join companies a on a.source_id = coalesce(r.account_id, c.account_id) and held(r.answered_at, a.valid_from, a.valid_to)
    where r.kind = 'nps' and r.score is not null and r.scale_min = 0 and r.scale_max = 10 and asked(r.answered_at)
),
counted as (
    select * from given
    qualify coalesce(getvariable('variant'), 'mean') = 'mean'
        or row_number() over (partition by who, period order by answered_at desc, id desc) = 1
),
pays as (
    select s.account_id as firm, s.started_at, s.ended_at,
        s.mrr * case when s.currency = 'EUR' then 1.0 else (
            select arg_max(r.rate, r.on_date) from rates r
            where r.base = s.currency and r.on_date <= timezone('UTC', s.started_at)::date) end as mrr
    from facts.main.subscriptions s where not s.deleted and s.valid_to is null and not coalesce(s.trial, false)
),
weighed as (
    select c.*, case when getvariable('variant') = 'revenue_weighted' then (
        select sum(p.mrr) from pays p where p.firm = c.firm and held(c.answered_at, p.started_at, p.ended_at))
        else 1 end as weight
    from counted c
),
firms as (
    select period, case when getvariable('dimension') = 'region' then region end as dim, firm, avg(weight) as weight,
        avg(weight * (case when score >= 9 then 1 when score <= 6 then -1 else 0 end)) as pull
    from weighed where weight > 0 group by 1, 2, 3
)
select period, case when getvariable('dimension') = 'region' then region end as dim,
    case getvariable('variant') when 'mean' then avg(score)
        else 100.0 * (count(*) filter (score >= 9) - count(*) filter (score <= 6)) / count(*) end as value,
    count(*) as n, 0 as pending, count(distinct who) as units
from counted where coalesce(getvariable('variant'), '') not in ('by_account', 'revenue_weighted') group by 1, 2
union all
select period, dim, 100.0 * sum(pull) / sum(weight), count(*), 0, count(*)
from firms where getvariable('variant') in ('by_account', 'revenue_weighted') group by 1, 2
