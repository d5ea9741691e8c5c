-- by: channel
-- variants: gross per_account per_paying median
with placed as (
    select o.*, slot(o.ordered_at) as period,
        case when getvariable('variant') = 'per_account'
             then coalesce('a' || coalesce(o.account_id, c.account_id), 'p' || o.customer_id)
             else coalesce('p' || o.customer_id, 'a' || o.account_id) end as who,
        case when o.currency = 'EUR' then 1.0 else (
            select arg_max(r.rate, r.on_date) from rates r
            where r.base = o.currency and r.on_date <= timezone('UTC', o.ordered_at)::date) end as rate
    from bought o
    left join people c on c.source_id = o.customer_id and held(o.ordered_at, c.valid_from, c.valid_to)
    where asked(o.ordered_at)
),
counted as (
    select period, case when getvariable('dimension') = 'channel' then channel end as dim, who,
        lower(coalesce(status, '')) as state, rate * coalesce(revenue, 0) as came,
        case when getvariable('variant') = 'gross' then 0 else rate * coalesce(refunded, 0) end as went
    from placed
    where who is not null and rate is not null
        and lower(coalesce(status, '')) not in ('void', 'voided', 'failed', 'declined', 'test', 'draft')
),
each_one as (
    select period, dim, who,
        sum(case when state in ('cancelled', 'canceled') then 0 else came - went end) as money,
        bool_or(state not in ('cancelled', 'canceled', 'refund', 'refunded_only')
            and (getvariable('variant') is distinct from 'per_paying' or came - went > 0)) as ordered
    from counted group by 1, 2, 3
)
select period, dim,
    case when getvariable('variant') = 'median' then quantile_cont(money, 0.5) filter (ordered)
         else sum(money) / count(*) filter (ordered) end as value,
    count(*) filter (ordered) as n, 0 as pending
from each_one group by 1, 2
