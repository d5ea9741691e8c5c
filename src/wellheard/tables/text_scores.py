"""What a model read out of a customer's text."""

from wellheard.tables.table import Column, Table, Type

_SENTIMENTS = ("positive", "neutral", "negative")

TABLE = Table(
    name="text_scores",
    title="Text scores",
    words="A row is what one model read out of one text, or out of what the text says on one aspect.",
    instant="written_at",
    columns=(
        Column(
            "text_id",
            Type.TEXT,
            "The row that holds the text.",
            required=True,
            aliases=("text", "document_id", "comment_id"),
        ),
        Column(
            "text_table",
            Type.TEXT,
            "The table that holds the text, such as messages or feedback.",
            required=True,
            aliases=("table", "text_source"),
        ),
        Column(
            "written_at", Type.INSTANT, "When the customer wrote the text.", aliases=("text_date", "created_at", "date")
        ),
        Column(
            "customer_id",
            Type.TEXT,
            "The customer who wrote the text.",
            refers="customers",
            aliases=("customer", "customerid", "user_id"),
        ),
        Column(
            "model",
            Type.TEXT,
            "The model that read the text, with its version.",
            aliases=("model_name", "model_version", "scorer"),
        ),
        Column("scored_at", Type.INSTANT, "When the model read the text.", aliases=("score_date",)),
        Column("language", Type.TEXT, "The language the text is written in.", aliases=("lang", "detected_language")),
        Column(
            "sentiment",
            Type.TEXT,
            "Whether the text is positive, neutral or negative.",
            one_of=_SENTIMENTS,
            aliases=("sentiment_label", "polarity", "airline_sentiment"),
        ),
        Column(
            "valence",
            Type.NUMBER,
            "How pleasant the text is, from -1 to 1.",
            least=-1,
            most=1,
            aliases=("sentiment_score", "compound"),
        ),
        Column(
            "emotions",
            Type.TEXT,
            "The emotions found, separated by commas, the strongest first.",
            aliases=("emotion", "emotion_labels"),
        ),
        Column(
            "positive_emotion",
            Type.BOOLEAN,
            "Whether any of the emotions is a pleasant one.",
            aliases=("has_positive_emotion",),
        ),
        Column(
            "negative_emotion",
            Type.BOOLEAN,
            "Whether any of the emotions is an unpleasant one.",
            aliases=("has_negative_emotion",),
        ),
        Column(
            "strength",
            Type.TEXT,
            "How strong the emotion is; empty where there is none.",
            one_of=("low", "medium", "high"),
            aliases=("intensity", "emotion_strength"),
        ),
        Column("topic_id", Type.TEXT, "What the text is about.", aliases=("topic", "theme", "theme_id", "category")),
        Column("topic_name", Type.TEXT, "The topic's name when the text was placed."),
        Column("topic_group", Type.TEXT, "The wider topic that the topic belongs to."),
        Column(
            "issue",
            Type.TEXT,
            "What kind of text it is.",
            one_of=("question", "request", "complaint", "suggestion", "praise", "statement"),
            aliases=("issue_type",),
        ),
        Column("rating_band", Type.TEXT, "The rating given beside the text.", one_of=("low", "middle", "high")),
        Column("disagrees", Type.BOOLEAN, "Whether the text says the opposite of the rating given beside it."),
        Column("unread", Type.TEXT, "Why nothing was read: no content, or a language that no model here reads."),
        Column(
            "aspect",
            Type.TEXT,
            "The side of the product or service that the row is about.",
            aliases=("feature", "attribute"),
        ),
        Column(
            "label",
            Type.TEXT,
            "The sentiment that a person read in the text, for texts drawn at random.",
            one_of=_SENTIMENTS,
            aliases=("human_label", "gold_label", "true_sentiment"),
        ),
    ),
)
