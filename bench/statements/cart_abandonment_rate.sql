with ended as (
    select greatest((select max(greatest(opened_at, checkout_at, bought_at, last_event_at)) from facts.main.carts where not deleted),
        (select max(started_at) from facts.main.visits where not deleted)) as finish
),
judged as (
    select slot(t.opened_at) as period, coalesce(c.segment, a.segment) as segment, coalesce(t.visitor_id, t.customer_id, t.id) as unit,
        t.bought_at is null as abandoned,
        coalesce(t.last_event_at, greatest(t.opened_at, t.checkout_at, t.bought_at)) + interval 30 minutes
            > (select finish from ended) as fresh
    from (select *, null::varchar as account_id from facts.main.carts) t @segment(t, t.opened_at)
    where not t.deleted and asked(t.opened_at)
)
select period, segment, unit, count(*) filter (abandoned and not fresh) as num, count(*) filter (not fresh) as den,
    den as n, count(*) filter (fresh) as pending
from judged group by 1, 2, 3
