"""Reviews, social posts and any other voice we did not ask for."""

from wellheard.tables.table import Column, Table, Type

TABLE = Table(
    name="feedback",
    title="Feedback",
    words="A row is one review, post or other piece of feedback that came without a survey of ours.",
    instant="written_at",
    columns=(
        Column(
            "channel",
            Type.TEXT,
            "Where it was written, such as an app store or a social network.",
            aliases=("platform", "site", "store", "medium"),
        ),
        Column(
            "rating",
            Type.NUMBER,
            "The stars or points given.",
            aliases=("stars", "score", "star_rating", "review_score", "overall"),
        ),
        Column("scale_min", Type.NUMBER, "The lowest rating possible.", aliases=("min_rating", "scale_low")),
        Column("scale_max", Type.NUMBER, "The highest rating possible.", aliases=("max_rating", "scale_high")),
        Column(
            "title",
            Type.TEXT,
            "The headline of the review.",
            aliases=("headline", "subject", "review_title", "review_comment_title", "summary"),
        ),
        Column(
            "body",
            Type.TEXT,
            "The text as the customer wrote it.",
            private=True,
            aliases=(
                "text",
                "review",
                "review_text",
                "content",
                "comment",
                "message",
                "review_comment_message",
                "tweet",
                "post",
                "remark",
            ),
        ),
        Column(
            "product",
            Type.TEXT,
            "The product it speaks of.",
            aliases=("product_id", "product_name", "item", "sku", "clothing_id"),
        ),
        Column("language", Type.TEXT, "The language it is written in.", aliases=("locale", "lang")),
        Column(
            "written_at",
            Type.INSTANT,
            "When it was written.",
            aliases=(
                "created_at",
                "posted_at",
                "published_at",
                "review_date",
                "date",
                "timestamp",
                "tweet_created",
                "submitted_at",
                "at",
            ),
        ),
        Column(
            "customer_id",
            Type.TEXT,
            "The customer who wrote it, where known.",
            refers="customers",
            aliases=("customer", "customerid", "user_id", "author_id", "reviewer_id"),
        ),
    ),
    within=(("rating", "scale_min", "scale_max"),),
)
