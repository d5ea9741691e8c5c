with spent as (
    select coalesce(t.made__resolved_at, t.opened_at) as moment, t.customer_id, t.account_id, 'c' || t.id as id,
        t.cost * r.rate as amount, t.made__resolved_at is not null as resolved, true as matter
    from cases t left join rates r on r.base = t.currency and r.day = coalesce(t.made__resolved_at, t.opened_at)::date
    union all
    select t.incurred_at, t.customer_id, t.account_id, 'k' || t.id, t.amount * r.rate, false, false
    from facts.main.costs t left join rates r on r.base = t.currency and r.day = t.incurred_at::date
    where not t.deleted and t.kind = 'service' and t.conversation_id is null
)
select slot(t.moment) as period, coalesce(c.segment, a.segment) as segment, coalesce(t.customer_id, t.account_id, t.id) as unit,
    coalesce(sum(amount) filter (resolved or not matter), 0)::double as num, count(*) filter (resolved) as den, den as n,
    count(*) filter (matter and not resolved) as pending
from spent t @segment(t, t.moment)
where asked(t.moment)
group by 1, 2, 3
