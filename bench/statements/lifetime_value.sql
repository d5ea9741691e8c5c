with monthly as (
    select slot(as_of) as month, customer_id, max(account_id) as account_id, arg_max(value, (as_of, id)) as value
    from facts.main.customer_scores where not deleted and kind = 'lifetime_value' and as_of < {end}
    group by 1, 2
),
held as (
    select *, lead(month) over (partition by customer_id order by month) as next from monthly
),
newest as (
    select w.period, w.finish, h.customer_id, h.account_id, h.value
    from held h join windows w on w.period >= h.month and w.period < coalesce(h.next, 'infinity')
)
select t.period, coalesce(c.segment, a.segment) as segment, t.customer_id as unit, t.value as num, 1 as den, 1 as n, 0 as pending
from newest t
@segment(t, t.finish) where t.value is not null
