namespace EdgeSdk.Text;

/// <summary>The tokens between which a model thinks before it answers.</summary>
/// <param name="Begin">Begins a thought.</param>
/// <param name="End">Ends it.</param>
/// <param name="BeginText">The first one's text.</param>
/// <param name="EndText">The second one's.</param>
internal sealed record ThoughtBorders(int Begin, int End, string BeginText, string EndText)
{
    /// <summary>Of Qwen, DeepSeek, SmolLM and most others; of Mistral; of Seed; of Kimi.</summary>
    private static readonly (string Begin, string End)[] Known =
        [("<think>", "</think>"), ("[THINK]", "[/THINK]"), ("<seed:think>", "</seed:think>"), ("◁think▷", "◁/think▷")];

    /// <summary>The borders that a vocabulary has, each as a token of its own; null: its models do not think.</summary>
    public static ThoughtBorders? Of(Tokenizer tokenizer)
    {
        foreach (var (begin, end) in Known)
        {
            if (tokenizer.Encode(begin, addSpecialTokens: false) is [var first] && tokenizer.Encode(end, addSpecialTokens: false) is [var last])
                return new(first, last, begin, end);
        }

        return null;
    }

    /// <summary>Whether a token of this text is known as a border.</summary>
    public static bool IsBorder(string token) => Known.Any(known => token == known.Begin || token == known.End);

    /// <summary>Whether a prompt ends inside a thought, as where a template begins one for the model: nothing but white space stands behind it.</summary>
    public bool IsOpenBehind(ReadOnlySpan<int> prompt, Tokenizer tokenizer)
    {
        int begin = prompt.LastIndexOf(Begin);
        return begin >= 0 && string.IsNullOrWhiteSpace(tokenizer.Decode(prompt[(begin + 1)..]));
    }
}

/// <summary>How long a text may think.</summary>
/// <param name="Begin">The token that begins a thought.</param>
/// <param name="End">The token that ends it.</param>
/// <param name="Budget">Tokens inside thoughts, their borders not counted.</param>
/// <param name="From">The place of the first token that counts: the prompt's length.</param>
/// <param name="IsOpen">Whether the prompt ends inside a thought.</param>
internal sealed record ThoughtLimit(int Begin, int End, int Budget, int From, bool IsOpen)
{
    /// <summary>For a text behind a prompt.</summary>
    /// <param name="borders">The vocabulary's.</param>
    /// <param name="tokenizer">The model's.</param>
    /// <param name="prompt">The prompt.</param>
    /// <param name="budget">See <see cref="Budget"/>; null: as long as the model likes.</param>
    public static ThoughtLimit For(ThoughtBorders borders, Tokenizer tokenizer, ReadOnlySpan<int> prompt, int? budget) =>
        new(borders.Begin, borders.End, budget ?? int.MaxValue, prompt.Length, borders.IsOpenBehind(prompt, tokenizer));
}

/// <summary>What a text has thought so far. It follows the text forwards and back.</summary>
/// <remarks>For one text, one caller at a time.</remarks>
internal sealed class ThoughtState(ThoughtLimit limit)
{
    private readonly List<(int Spent, bool Inside)> _path = [(0, limit.IsOpen)]; // behind each token from limit.From on

    /// <summary>Whether the next token belongs to a thought.</summary>
    public bool IsInside => _path[^1].Inside;

    /// <summary>Tokens inside thoughts, their borders not counted.</summary>
    public int Spent => _path[^1].Spent;

    /// <summary>Whether the budget is used up: a thought must end, and none may begin.</summary>
    public bool IsSpent => Spent >= limit.Budget;

    /// <summary>Whether the token at a place, which the text has reached, is a thought's or its border.</summary>
    public bool Holds(int place) => place >= limit.From && (_path[place - limit.From].Inside || _path[place - limit.From + 1].Inside);

    /// <summary>Takes in one more token.</summary>
    public void Add(int token)
    {
        var (spent, inside) = _path[^1];
        _path.Add(token == limit.End ? (spent, false)
            : inside ? (spent + 1, true)
            : (spent, token == limit.Begin));
    }

    /// <summary>Takes in what lies behind the place where the state stands.</summary>
    /// <param name="text">The whole text, the prompt included.</param>
    public void Follow(ReadOnlySpan<int> text)
    {
        for (int place = limit.From + _path.Count - 1; place < text.Length; place++)
            Add(text[place]);
    }

    /// <summary>Goes back to a text of at most <paramref name="length"/> tokens, the prompt included.</summary>
    public void RewindTo(int length)
    {
        int kept = 1 + Math.Max(0, length - limit.From);
        if (kept < _path.Count)
            _path.RemoveRange(kept, _path.Count - kept);
    }
}
