-- by: segment
-- variants: share_at_loss total by_account shared_alike shared_by_revenue
with lines as (  -- what came in, and what was spent
    select ordered_at as moment, customer_id, account_id, currency,
        case when lower(coalesce(status, '')) in ('cancelled', 'canceled') then 0
            else coalesce(revenue, 0) - coalesce(refunded, 0) end as net,
        case when lower(coalesce(status, '')) in ('cancelled', 'canceled') then 0
            else coalesce(revenue, 0) - coalesce(refunded, 0) end
        - case when lower(coalesce(status, '')) in ('cancelled', 'canceled', 'refund', 'refunded_only') then 0
            else coalesce(goods_cost, 0) end as amount
    from bought where lower(coalesce(status, '')) not in ('void', 'voided', 'failed', 'declined', 'test', 'draft')
    union all
    select incurred_at, customer_id, account_id, currency, 0, -amount from facts.main.costs
    where not deleted and (customer_id is not null or getvariable('variant') = 'by_account')
),
rated as (
    select l.*, case when l.currency = 'EUR' then 1.0 else (select arg_max(r.rate, r.on_date) from rates r
        where r.base = l.currency and r.on_date <= timezone('UTC', l.moment)::date) end as rate from lines l
),
placed as (
    select w.period, coalesce(c.segment, a.segment) as segment,
        case when getvariable('variant') = 'by_account' then coalesce(coalesce(l.account_id, c.account_id), l.customer_id)
            else coalesce(l.customer_id, l.account_id) end as who,
        l.amount * l.rate as amount, l.net * l.rate as net
    from windows w join rated l on l.moment >= midnight(w.first_day) and l.moment < midnight(w.after_day)
    left join people c on c.source_id = l.customer_id and held(midnight(w.after_day), c.valid_from, c.valid_to)
    left join companies a on a.source_id = coalesce(l.account_id, c.account_id)
        and held(midnight(w.after_day), a.valid_from, a.valid_to)
),
each_one as (
    select period, case when getvariable('dimension') = 'segment' then segment end as dim, who, sum(amount) as profit,
        greatest(sum(net), 0) as took
    from placed where who is not null group by 1, 2, 3
),
nobodys as (  -- what was spent on no customer in particular
    select w.period, sum(c.amount * case when c.currency = 'EUR' then 1.0 else (select arg_max(r.rate, r.on_date) from rates r
        where r.base = c.currency and r.on_date <= timezone('UTC', c.incurred_at)::date) end) as spare
    from windows w join facts.main.costs c on c.incurred_at >= midnight(w.first_day) and c.incurred_at < midnight(w.after_day)
    where not c.deleted and c.customer_id is null group by 1
),
loaded as (
    select e.*, coalesce(spare, 0) * case getvariable('variant')
        when 'shared_alike' then 1.0 / count(*) over (partition by e.period)
        when 'shared_by_revenue' then took / sum(took) over (partition by e.period) else 0 end as load
    from each_one e left join nobodys n on n.period is not distinct from e.period
)
select period, dim,
    case when getvariable('variant') = 'share_at_loss' then 100.0 * count(*) filter (profit < 0) / count(*)
         when getvariable('variant') = 'total' then sum(profit) else avg(profit - load) end as value,
    count(*) as n, 0 as pending
from loaded group by 1, 2
