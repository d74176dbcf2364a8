namespace EdgeSdk.Text.Templates;

/// <summary>
/// What one rendering may spend, so that no template can hold a server up or fill its memory: steps (an expression, a statement, an item that is
/// looked at), characters that are made on the way (a list's item counts as sixteen) and characters of output. A long conversation may spend more.
/// </summary>
/// <param name="inputSize">How many characters the conversation holds.</param>
internal sealed class Meter(long inputSize)
{
    /// <summary>With the conversation's own share, well under a second.</summary>
    private const int FreeSteps = 1_000_000;

    private const int FreeMade = 8_000_000;

    private const int FreeOutput = 4_000_000;

    private const int ItemSize = 16;

    private readonly long maxSteps = FreeSteps + (4 * inputSize);
    private readonly long maxMade = FreeMade + (32 * inputSize);
    private readonly long maxOutput = FreeOutput + (4 * inputSize);

    private long steps;
    private long made;

    public void Step(long count = 1)
    {
        steps += count;
        if (steps > maxSteps)
            throw new TemplateFault($"rendering takes more than {maxSteps} steps.");
    }

    /// <summary>Counts a look through a whole text by wide instructions: a step for each thousand characters.</summary>
    public void Scan(string text) => Step(text.Length >> 10);

    /// <summary>Counts a look at each character of a text: a step for thirty-two.</summary>
    public void Walk(string text) => Step(text.Length >> 5);

    /// <summary>Counts a search, which may compare the part at every place of the text.</summary>
    public void Search(string text, string part) => Step((text.Length >> 10) + (((long)text.Length * part.Length) >> 13));

    public string Made(string text)
    {
        Make(text.Length);
        return text;
    }

    public List<object?> Made(List<object?> items)
    {
        MakeItems(items.Count);
        return items;
    }

    public void Make(long characters)
    {
        made += characters;
        if (made > maxMade)
            throw new TemplateFault($"rendering makes more than {maxMade} characters on the way.");
    }

    public void MakeItems(long count) => Make(count * ItemSize);

    public void CheckOutput(long characters)
    {
        if (characters > maxOutput)
            throw new TemplateFault($"the rendered text has more than {maxOutput} characters.");
    }
}
