with came as (
    select distinct source, invitation_id from facts.main.survey_responses
    where not deleted and not coalesce(test, false) and coalesce(complete, true) and invitation_id is not null
),
ended as (
    select greatest((select max(sent_at) from facts.main.survey_invitations where not deleted),
        (select max(answered_at) from facts.main.survey_responses where not deleted)) as finish
),
judged as (
    select slot(t.sent_at) as period, coalesce(c.segment, a.segment) as segment,
        coalesce(t.customer_id, t.account_id, t.id) as unit,
        r.invitation_id is not null or t.answered_at is not null as answered,
        not answered and t.sent_at + interval 14 days > (select finish from ended) as young
    from facts.main.survey_invitations t
    left join came r on r.source = t.source and r.invitation_id = t.source_id
    @segment(t, t.sent_at)
    where not t.deleted and asked(t.sent_at)
        and (answered or (not coalesce(t.bounced, false) and coalesce(t.delivered_at, t.seen_at) is not null))
)
select period, segment, unit, count(*) filter (answered) as num, count(*) filter (not young) as den, den as n,
    count(*) filter (young) as pending
from judged group by 1, 2, 3
