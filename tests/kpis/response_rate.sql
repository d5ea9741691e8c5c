-- by: segment
-- variants: per_sent per_seen for_nps for_csat as_chatwoot
with given as (
    select i.*, slot(i.sent_at) as period, coalesce(c.segment, a.segment) as segment,
        coalesce('p' || i.customer_id, i.id) as who,
        exists (select 1 from facts.main.survey_responses r
            where not r.deleted and r.source = i.source and r.invitation_id = i.source_id and r.complete) as answered,
        (select greatest(max(sent_at), (select max(answered_at) from facts.main.survey_responses where not deleted))
            from facts.main.survey_invitations where not deleted) as data_end
    from facts.main.survey_invitations i
    left join people c on c.source_id = i.customer_id and held(i.sent_at, c.valid_from, c.valid_to)
    left join companies a on a.source_id = coalesce(i.account_id, c.account_id) and held(i.sent_at, a.valid_from, a.valid_to)
    where not i.deleted and asked(i.sent_at)
      and case getvariable('variant')
          when 'for_nps' then i.survey_id = 'relationship'
          when 'for_csat' then i.survey_id in ('after-support', 'after-purchase')
          when 'as_chatwoot' then i.survey_id in ('after-support', 'after-purchase')
          else true end
),
eligible as (
    select *, getvariable('variant') is distinct from 'as_chatwoot' and not answered and sent_at + interval 14 days > data_end as young from given
    where case getvariable('variant')
        when 'per_sent' then true
        when 'as_chatwoot' then true
        when 'per_seen' then seen_at is not null or answered
        else answered or (not bounced and delivered_at is not null) end
)
select period, case when getvariable('dimension') = 'segment' then segment end as dim,
    100.0 * count(*) filter (answered) / nullif(count(*) filter (not young), 0) as value,
    count(*) filter (not young) as n, count(*) filter (young) as pending,
    count(distinct who) filter (not young) as units
from eligible group by 1, 2
