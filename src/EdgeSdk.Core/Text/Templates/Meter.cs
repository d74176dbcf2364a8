namespace EdgeSdk.Text.Templates;

/// <summary>
/// What one rendering may spend, so that no template can hold a server up or fill its memory: steps (an expression, a statement, an item that is
/// looked at), characters that are made on the way (a list's item counts as sixteen) and characters of output.
/// </summary>
internal sealed class Meter
{
    public const int MaxSteps = 1_000_000;

    public const int MaxMade = 32_000_000;

    public const int MaxOutput = 8_000_000;

    private const int ItemSize = 16;

    private long steps;
    private long made;

    public void Step(long count = 1)
    {
        steps += count;
        if (steps > MaxSteps)
            throw new TemplateFault($"rendering takes more than {MaxSteps} steps.");
    }

    /// <summary>Counts a look through a whole text, which costs a step for each thousand characters.</summary>
    public void Scan(string text) => Step(text.Length >> 10);

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
        if (made > MaxMade)
            throw new TemplateFault($"rendering makes more than {MaxMade} characters on the way.");
    }

    public void MakeItems(long count) => Make(count * ItemSize);
}
