-- by: region
-- variants: mean corrected
with given as (
    select x.*, slot(x.written_at) as period, coalesce(c.region, a.region) as region,
        coalesce('p' || x.customer_id, x.id) as who,
        case x.sentiment when 'positive' then 1 when 'negative' then -1 else 0 end as tone,
        case h.sentiment when 'positive' then 1 when 'negative' then -1 when 'neutral' then 0 end as truth
    from facts.main.text_scores x
    left join facts.main.text_scores h on h.model = 'human' and h.text_table = x.text_table and h.text_id = x.text_id and not h.deleted
    left join people c on c.source_id = x.customer_id and held(x.written_at, c.valid_from, c.valid_to)
    left join companies a on a.source_id = c.account_id and held(x.written_at, a.valid_from, a.valid_to)
    where not x.deleted and x.model <> 'human' and asked(x.written_at)
)
select period, case when getvariable('dimension') = 'region' then region end as dim,
    case getvariable('variant')
        when 'mean' then sum(valence) / count(valence)
        when 'corrected' then 100.0 * (avg(tone) + avg(truth - tone))
        else 100.0 * sum(tone) / count(*) end as value,
    case when getvariable('variant') = 'corrected' and count(truth) = 0 then 0 else count(*) end as n,
    0 as pending, count(distinct who) as units
from given group by 1, 2
