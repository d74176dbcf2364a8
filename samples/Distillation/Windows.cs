namespace EdgeSdk.Distillation;

/// <summary>
/// Cuts training batches from dialogues. Windows are of mixed length: many short ones, because small batches with many steps learn most in the
/// time, and a few as long as the longest dialogues. A row begins at a system message and goes on with further dialogues until it is full.
/// </summary>
/// <param name="corpus">The dialogues of train.</param>
/// <param name="own">Text of the server's own, from which every second dialogue then comes.</param>
/// <param name="format">Tokenises what was changed.</param>
/// <param name="weights">What the loss of a token counts.</param>
/// <param name="swapShare">How often a dialogue gets other values.</param>
internal sealed class Windows(Corpus corpus, Corpus? own, ChatFormat format, TokenWeights weights, double swapShare)
{
    /// <summary>Rows, length and how often such a batch is drawn.</summary>
    private static readonly (int Rows, int Length, double Share)[] s_shapes = [(4, 384, 0.62), (2, 768, 0.26), (1, 1536, 0.1), (1, 2048, 0.02)];

    /// <summary>How often a row's first dialogue begins at a later message, behind its system message.</summary>
    private const double LateStart = 0.35;

    /// <summary>How often a dialogue is one of the server's own text, where there is such.</summary>
    private const double OwnShare = 0.5;

    private readonly ValueSwap _swap = new(corpus.Dialogues.Select(dialogue => dialogue.Source!), format);

    /// <summary>A batch, a function of the random numbers alone.</summary>
    public Batch Draw(Random random)
    {
        double draw = random.NextDouble();
        int shape = 0;
        while (shape < s_shapes.Length - 1 && (draw -= s_shapes[shape].Share) > 0) shape++;
        var batch = new Batch(s_shapes[shape].Rows, s_shapes[shape].Length);
        for (int row = 0; row < s_shapes[shape].Rows; row++) Fill(random, batch, row, s_shapes[shape].Length);
        return batch;
    }

    private void Fill(Random random, Batch batch, int row, int length)
    {
        Span<int> ids = batch.Ids.AsSpan(row * (length + 1), length + 1);
        Span<float> counts = batch.Weights.AsSpan(row * length, length);
        int at = 0;
        while (at < ids.Length)
        {
            TokenisedDialogue dialogue = Dialogue(random);
            bool isLong = dialogue.Ids.Length > length / 2;
            if (isLong && dialogue.Starts.Length > 4 && random.NextDouble() < LateStart)
            {
                at = Append(dialogue, 0, dialogue.Starts[1], ids, counts, at);
                at = Append(dialogue, dialogue.Starts[random.Next(2, dialogue.Starts.Length - 2)], dialogue.Ids.Length, ids, counts, at);
                continue;
            }

            at = Append(dialogue, 0, dialogue.Ids.Length, ids, counts, at);
        }
    }

    private TokenisedDialogue Dialogue(Random random)
    {
        if (own is not null && random.NextDouble() < OwnShare) return own.Dialogues[random.Next(own.Dialogues.Count)];
        TokenisedDialogue dialogue = corpus.Dialogues[random.Next(corpus.Dialogues.Count)];
        return random.NextDouble() < swapShare ? TokenisedDialogue.From(_swap.Apply(dialogue.Source!, random), format) : dialogue;
    }

    private int Append(TokenisedDialogue dialogue, int from, int to, Span<int> ids, Span<float> counts, int at)
    {
        bool isCall = false;
        for (int i = from; i < to && at < ids.Length; i++, at++)
        {
            ids[at] = dialogue.Ids[i];
            if (at > 0) counts[at - 1] = weights.Of(dialogue.Roles[i], isCall);
            isCall = (isCall || ids[at] == Vocabulary.Call) && ids[at] != Vocabulary.End;
        }

        return at;
    }
}

/// <summary>What the loss of a token counts; one that the assistant speaks counts 1.</summary>
/// <param name="Call">Inside a call: few tokens, and the ones that must be right.</param>
/// <param name="Other">Of the user or a tool; the system message's tools count a fifth of it.</param>
internal sealed record TokenWeights(float Call, float Other)
{
    /// <summary>By the role whose token it is, and whether it stands in a call.</summary>
    public float Of(byte role, bool isCall) => role switch
    {
        Vocabulary.Assistant => isCall ? Call : 1,
        Vocabulary.System => Other / 5,
        _ => Other,
    };
}
