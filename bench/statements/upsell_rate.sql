with placed as (
    select t.*, lower(coalesce(t.status, '')) as state,
        case when state in ('cancelled', 'canceled') then 0 else r.rate * (coalesce(revenue, 0) - coalesce(refunded, 0)) end as net
    from facts.main.orders t left join rates r on r.base = t.currency and r.day = t.ordered_at::date
    where not t.deleted and asked(t.ordered_at) and t.kind is not null
)
select slot(t.ordered_at) as period, coalesce(c.segment, a.segment) as segment, coalesce(t.customer_id, t.account_id, t.id) as unit,
    coalesce(sum(net) filter (kind = 'upsell'), 0)::double as num, sum(net)::double as den, count(*) as n, 0 as pending
from placed t @segment(t, t.ordered_at)
where state not in ('void', 'voided', 'failed', 'declined', 'test', 'draft')
group by 1, 2, 3
