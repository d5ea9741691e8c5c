with lines as (
    select slot(t.ordered_at) as period, t.customer_id, t.account_id, lower(coalesce(t.status, '')) as state,
        r.rate * (case when state in ('cancelled', 'canceled') then 0 else coalesce(t.revenue, 0) - coalesce(t.refunded, 0) end
            - case when state in ('cancelled', 'canceled', 'refund', 'refunded_only') then 0 else coalesce(t.goods_cost, 0) end) as amount
    from facts.main.orders t left join rates r on r.base = t.currency and r.day = t.ordered_at::date
    where not t.deleted and asked(t.ordered_at) and state not in ('void', 'voided', 'failed', 'declined', 'test', 'draft')
    union all
    select slot(t.incurred_at), t.customer_id, t.account_id, '', -t.amount * r.rate
    from facts.main.costs t left join rates r on r.base = t.currency and r.day = t.incurred_at::date
    where not t.deleted and asked(t.incurred_at) and t.customer_id is not null
),
each_one as (
    select period, customer_id, max(account_id) as account_id, sum(amount) as amount
    from lines where coalesce(customer_id, account_id) is not null group by 1, 2
)
select t.period, coalesce(c.segment, a.segment) as segment, coalesce(t.customer_id, t.account_id) as unit, t.amount::double as num,
    1 as den, 1 as n, 0 as pending
from (select e.*, w.finish from each_one e join windows w on w.period = e.period) t @segment(t, t.finish)
