-- by: segment
-- variants: historic revenue net deal_size_x_lifespan
with scored as (
    select w.period, s.customer_id, arg_max(s.value, s.as_of) as value,
        any_value(coalesce(c.segment, a.segment)) as segment
    from windows w join facts.main.customer_scores s on s.as_of < midnight(w.after_day)
    left join people c on c.source_id = s.customer_id and held(midnight(w.after_day), c.valid_from, c.valid_to)
    left join companies a on a.source_id = coalesce(s.account_id, c.account_id)
        and held(midnight(w.after_day), a.valid_from, a.valid_to)
    where not s.deleted and s.kind = 'lifetime_value' and getvariable('variant') is null
    group by 1, 2
),
came as (
    select w.period, o.customer_id, coalesce(c.segment, a.segment) as segment, r.rate,
        lower(coalesce(o.status, '')) not in ('cancelled', 'canceled', 'refund', 'refunded_only') as stands,
        case when lower(coalesce(o.status, '')) in ('cancelled', 'canceled') then 0
            else coalesce(o.revenue, 0) - coalesce(o.refunded, 0) end as net, o.goods_cost
    from windows w join bought o on o.ordered_at < midnight(w.after_day)
    cross join lateral (select case when o.currency = 'EUR' then 1.0 else (select arg_max(x.rate, x.on_date) from rates x
        where x.base = o.currency and x.on_date <= timezone('UTC', o.ordered_at)::date) end as rate) r
    left join people c on c.source_id = o.customer_id and held(midnight(w.after_day), c.valid_from, c.valid_to)
    left join companies a on a.source_id = coalesce(o.account_id, c.account_id)
        and held(midnight(w.after_day), a.valid_from, a.valid_to)
    where o.customer_id is not null and getvariable('variant') is not null
        and lower(coalesce(o.status, '')) not in ('void', 'voided', 'failed', 'declined', 'test', 'draft')
),
spent_on as (
    select w.period, k.customer_id, sum(k.amount * case when k.currency = 'EUR' then 1.0 else (
        select arg_max(x.rate, x.on_date) from rates x
        where x.base = k.currency and x.on_date <= timezone('UTC', k.incurred_at)::date) end) as amount
    from windows w join facts.main.costs k on k.incurred_at < midnight(w.after_day)
    where not k.deleted and k.kind in ('acquisition', 'service') and k.customer_id is not null group by 1, 2
),
each_one as (
    select period, customer_id, any_value(segment) as segment, sum(net * rate) as revenue,
        sum((net - case when stands then goods_cost else 0 end) * rate) as margin,
        count(*) filter (stands) as deals, count(*) filter (stands and goods_cost is null) as unknown
    from came group by 1, 2 having count(*) filter (stands) > 0
),
judged as (
    select e.period, case when getvariable('dimension') = 'segment' then segment end as dim, deals, revenue / deals as size,
        case getvariable('variant') when 'revenue' then revenue when 'net' then margin - coalesce(s.amount, 0) else margin end as x
    from each_one e left join spent_on s on s.customer_id = e.customer_id and s.period is not distinct from e.period
    where unknown = 0 or getvariable('variant') not in ('historic', 'net')
)
select period, case when getvariable('dimension') = 'segment' then segment end as dim, avg(value) as value, count(*) as n, 0 as pending
from scored where value is not null group by 1, 2
union all
select period, dim, case when getvariable('variant') = 'deal_size_x_lifespan' then avg(size) * avg(deals) else avg(x) end, count(*), 0
from judged group by 1, 2
