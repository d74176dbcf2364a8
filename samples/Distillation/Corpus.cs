using EdgeSdk.Cli;

namespace EdgeSdk.Distillation;

/// <summary>A dialogue as token ids, with who speaks at each of them.</summary>
/// <param name="Source">The dialogue; null for text that a model wrote.</param>
/// <param name="Ids">All of it, system message first.</param>
/// <param name="Roles">For each id the role token (<see cref="Vocabulary"/>) of the message that it belongs to; a message's own role token is nobody's: 0.</param>
/// <param name="Starts">The places of the messages' role tokens.</param>
internal sealed record TokenisedDialogue(Dialogue? Source, int[] Ids, byte[] Roles, int[] Starts)
{
    /// <summary>Renders and tokenises a dialogue.</summary>
    public static TokenisedDialogue From(Dialogue source, ChatFormat format) =>
        From(source, format.Encode(source.Messages, source.ToolsAsJson(), prompt: false));

    /// <summary>Finds the messages in ids.</summary>
    public static TokenisedDialogue From(Dialogue? source, int[] ids)
    {
        var roles = new byte[ids.Length];
        var starts = new List<int>();
        byte role = 0;
        for (int i = 0; i < ids.Length; i++)
        {
            if (ids[i] is >= Vocabulary.System and <= Vocabulary.Tool)
            {
                role = (byte)ids[i];
                starts.Add(i);
                continue;
            }

            roles[i] = role;
        }

        return new TokenisedDialogue(source, ids, roles, [.. starts]);
    }
}

/// <summary>Dialogues of one split as tokens.</summary>
internal sealed class Corpus(IReadOnlyList<TokenisedDialogue> dialogues)
{
    public IReadOnlyList<TokenisedDialogue> Dialogues { get; } = dialogues;

    public long Tokens { get; } = dialogues.Sum(d => (long)d.Ids.Length);

    /// <summary>Renders and tokenises dialogues by the SDK's own template and tokenizer.</summary>
    public static Corpus From(IReadOnlyList<Dialogue> dialogues, ChatFormat format)
    {
        var tokenised = new TokenisedDialogue[dialogues.Count];
        Parallel.For(0, dialogues.Count, i => tokenised[i] = TokenisedDialogue.From(dialogues[i], format));
        return new Corpus(tokenised);
    }
}
