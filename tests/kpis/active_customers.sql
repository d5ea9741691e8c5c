-- by: region
-- variants: ordering by_account
with did as (
    select used_at as moment, customer_id, account_id from facts.main.usage
    where not deleted and getvariable('variant') is distinct from 'ordering' and coalesce(quantity, 1) <> 0
    union all
    select ordered_at, customer_id, account_id from bought
    where getvariable('variant') = 'ordering'
        and lower(coalesce(status, '')) not in ('cancelled', 'canceled', 'refund', 'refunded_only')
)
select slot(d.moment) as period, case when getvariable('dimension') = 'region' then coalesce(c.region, a.region) end as dim,
    count(distinct case when getvariable('variant') = 'by_account'
        then coalesce('a' || coalesce(d.account_id, c.account_id), 'p' || d.customer_id)
        else coalesce('p' || d.customer_id, 'a' || d.account_id) end) as value,
    value as n, 0 as pending
from did d
left join people c on c.source_id = d.customer_id and held(d.moment, c.valid_from, c.valid_to)
left join companies a on a.source_id = coalesce(d.account_id, c.account_id) and held(d.moment, a.valid_from, a.valid_to)
where asked(d.moment) and coalesce(d.customer_id, d.account_id) is not null
group by 1, 2
