-- by: region
-- variants: with_cross_sell takers expansion
with wanted as (select case when getvariable('variant') = 'with_cross_sell' then ['upsell', 'cross_sell'] else ['upsell'] end as kinds),
sold as (
    select slot(o.ordered_at) as period, coalesce(c.region, a.region) as region, o.kind,
        case when lower(coalesce(o.status, '')) in ('cancelled', 'canceled') then 0
             else (coalesce(o.revenue, 0) - coalesce(o.refunded, 0)) * case when o.currency = 'EUR' then 1.0 else (
                select arg_max(r.rate, r.on_date) from rates r
                where r.base = o.currency and r.on_date <= timezone('UTC', o.ordered_at)::date) end end as money
    from bought o
    left join people c on c.source_id = o.customer_id and held(o.ordered_at, c.valid_from, c.valid_to)
    left join companies a on a.source_id = coalesce(o.account_id, c.account_id) and held(o.ordered_at, a.valid_from, a.valid_to)
    where asked(o.ordered_at) and o.kind is not null
        and coalesce(getvariable('variant'), 'with_cross_sell') = 'with_cross_sell'
),
buyers as (
    select w.period, o.customer_id as who, any_value(coalesce(c.region, a.region)) as region,
        bool_or(o.kind = 'upsell' and o.ordered_at >= midnight(w.first_day)) as took
    from windows w join bought o on o.ordered_at < midnight(w.after_day)
    left join people c on c.source_id = o.customer_id and held(midnight(w.after_day), c.valid_from, c.valid_to)
    left join companies a on a.source_id = coalesce(o.account_id, c.account_id)
        and held(midnight(w.after_day), a.valid_from, a.valid_to)
    where getvariable('variant') = 'takers' and lower(coalesce(o.status, '')) not in ('cancelled', 'canceled', 'refund', 'refunded_only')
    group by 1, 2
),
paying as (
    select w.period, s.customer_id as who, arg_max(coalesce(c.region, a.region), s.mrr) filter (held(midnight(w.first_day), s.started_at, s.ended_at)) as region,
        sum(s.mrr * f.rate) filter (held(midnight(w.first_day), s.started_at, s.ended_at)) as before,
        coalesce(sum(s.mrr * f.rate) filter (held(midnight(w.after_day), s.started_at, s.ended_at)), 0) as after,
        -- whoever had a break in between has left
        bool_or(s.started_at > midnight(w.first_day) and not exists (select 1 from paid o where o.customer_id = s.customer_id
            and o.started_at < s.started_at and (o.ended_at is null or o.ended_at >= s.started_at))) as broke
    from windows w join paid s on s.started_at <= midnight(w.after_day) and (s.ended_at is null or s.ended_at > midnight(w.first_day))
    cross join lateral (select case when s.currency = 'EUR' then 1.0 else (select arg_max(r.rate, r.on_date) from rates r
        where r.base = s.currency and r.on_date <= timezone('UTC', midnight(w.first_day))::date) end as rate) f
    left join people c on c.source_id = s.customer_id and held(midnight(w.first_day), c.valid_from, c.valid_to)
    left join companies a on a.source_id = coalesce(s.account_id, c.account_id)
        and held(midnight(w.first_day), a.valid_from, a.valid_to)
    where getvariable('variant') = 'expansion' group by 1, 2
)
select period, case when getvariable('dimension') = 'region' then region end as dim,
    100.0 * coalesce(sum(money) filter (kind in (select unnest(kinds) from wanted)), 0) / sum(money) as value, count(*) as n, 0 as pending
from sold group by 1, 2
union all
select period, case when getvariable('dimension') = 'region' then region end, 100.0 * count(*) filter (took) / count(*), count(*), 0
from buyers group by 1, 2
union all
select period, case when getvariable('dimension') = 'region' then region end,
    100.0 * sum(case when after > before and not broke then after - before else 0 end) / sum(before), count(*), 0
from paying where before is not null group by 1, 2
