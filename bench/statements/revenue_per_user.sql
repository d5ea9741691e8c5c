with placed as (
    select t.*, lower(coalesce(t.status, '')) as state, r.rate
    from facts.main.orders t left join rates r on r.base = t.currency and r.day = t.ordered_at::date
    where not t.deleted and asked(t.ordered_at)
)
select slot(t.ordered_at) as period, coalesce(c.segment, a.segment) as segment, coalesce(t.customer_id, t.account_id) as unit,
    sum(case when state in ('cancelled', 'canceled') then 0 else rate * (coalesce(revenue, 0) - coalesce(refunded, 0)) end)::double as num,
    bool_or(state not in ('cancelled', 'canceled', 'refund', 'refunded_only'))::int as den, den as n, 0 as pending
from placed t @segment(t, t.ordered_at)
where coalesce(t.customer_id, t.account_id) is not null and state not in ('void', 'voided', 'failed', 'declined', 'test', 'draft')
group by 1, 2, 3
