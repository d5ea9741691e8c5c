-- by: region
-- variants: text
with rated as (
    select r.answered_at as moment, r.customer_id, r.account_id, r.id, r.submission_id, r.score,
        r.choice in ('happy', 'valued') as pleasant, null::boolean as good, null::boolean as bad
    from responses r
    where getvariable('variant') is null and r.kind = 'emotion' and r.score is not null and asked(r.answered_at)
    union all
    select x.written_at, x.customer_id, null, x.id, null, null, null, x.positive_emotion, x.negative_emotion
    from facts.main.text_scores x
    where getvariable('variant') = 'text' and not x.deleted and x.model <> 'human' and asked(x.written_at)
),
given as (
    select r.*, slot(r.moment) as period, coalesce(c.region, a.region) as region,
        coalesce('p' || r.customer_id, 's' || r.submission_id, r.id) as who
    from rated r
    left join people c on c.source_id = r.customer_id and held(r.moment, c.valid_from, c.valid_to)
    left join companies a on a.source_id = coalesce(r.account_id, c.account_id) and held(r.moment, a.valid_from, a.valid_to)
)
select period, case when getvariable('dimension') = 'region' then region end as dim,
    case when getvariable('variant') = 'text'
        then 100.0 * (count(*) filter (good) - count(*) filter (bad)) / count(*)
        else 25.0 * (avg(score) filter (pleasant) - avg(score) filter (not pleasant)) end as value,
    count(*) as n, 0 as pending, count(distinct who) as units
from given group by 1, 2
