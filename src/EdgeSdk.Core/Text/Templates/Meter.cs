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

    /// <summary>Half of what a string holds.</summary>
    private const int MaxCharacters = 1 << 29;

    private readonly long _maxSteps = FreeSteps + (4 * inputSize);
    private readonly long _maxMade = Math.Min(FreeMade + (32 * inputSize), MaxCharacters);
    private readonly long _maxOutput = Math.Min(FreeOutput + (4 * inputSize), MaxCharacters);

    private long _steps;
    private long _made;

    public void Step(long count = 1)
    {
        _steps += count;
        if (_steps > _maxSteps)
            throw new TemplateFault($"rendering takes more than {_maxSteps} steps.");
    }

    /// <summary>Counts a look through a whole text by wide instructions: a step for each thousand characters, more where it has marks to skip.</summary>
    public void Scan(string text)
    {
        Step(text.Length >> 10);
        if (text.Contains(Guards.Mark))
            Walk(text);
    }

    /// <summary>Counts a look at each character of a text: a step for thirty-two.</summary>
    public void Walk(string text) => Step(text.Length >> 5);

    /// <summary>Counts a search, which may compare the part at every place of the text.</summary>
    public void Search(string text, string part)
    {
        Scan(text);
        Step(((long)text.Length * part.Length) >> 13);
    }

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
        _made += characters;
        if (_made > _maxMade)
            throw new TemplateFault($"rendering makes more than {_maxMade} characters on the way.");
    }

    public void MakeItems(long count) => Make(count * ItemSize);

    public void CheckOutput(long characters)
    {
        if (characters > _maxOutput)
            throw new TemplateFault($"the rendered text has more than {_maxOutput} characters.");
    }
}
