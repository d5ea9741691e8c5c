select slot(coalesce(t.made__first_customer_at, t.opened_at)) as period, coalesce(c.segment, a.segment) as segment,
    coalesce(t.customer_id, t.account_id, t.id) as unit, t.id, t.made__first_response_seconds as x,
    t.made__first_response_seconds is null as waiting
from cases t @segment(t, coalesce(t.made__first_customer_at, t.opened_at))
where asked(coalesce(t.made__first_customer_at, t.opened_at)) and coalesce(t.opened_by, '') not in ('human', 'automation')
    and not (t.made__first_response_seconds is null
        and (t.made__first_human_reply_at is not null or t.closed_at is not null or t.made__resolved_at is not null))
