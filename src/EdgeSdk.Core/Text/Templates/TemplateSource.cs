namespace EdgeSdk.Text.Templates;

/// <summary>A template's text and its name in messages. Places in it are offsets; a message gives them as line and column, both from 1.</summary>
internal sealed class TemplateSource
{
    /// <summary>Many times what any published template has; it bounds what parsing can take.</summary>
    public const int MaxLength = 1 << 19;

    private const int MaxMessage = 1000;

    /// <summary>Line ends become line feeds, and one at the very end is dropped, as Jinja does.</summary>
    /// <exception cref="EdgeException">The text is longer than <see cref="MaxLength"/>.</exception>
    public TemplateSource(string text, string name)
    {
        Name = name;
        if (text.Length > MaxLength)
            throw new EdgeException(EdgeErrorCode.InvalidModel, $"{name}: the template has {text.Length} characters; at most {MaxLength} are allowed. Take the model's own chat template.");

        Text = text.Replace("\r\n", "\n", StringComparison.Ordinal).Replace('\r', '\n');
        if (Text.EndsWith('\n'))
            Text = Text[..^1];
    }

    public string Name { get; }

    public string Text { get; }

    /// <summary>What is wrong with the template at a place in it. Long names and values are cut out of the middle.</summary>
    public EdgeException Refuse(int at, string message)
    {
        if (message.Length > MaxMessage)
            message = $"{message[..(MaxMessage / 2)]} ... {message[^(MaxMessage / 2)..]}";

        return new(EdgeErrorCode.InvalidModel, $"{Locate(at)}: {message}");
    }

    /// <summary>A place as people read it.</summary>
    public string Locate(int at)
    {
        var before = Text.AsSpan(0, at);
        return $"{Name}, line {before.Count('\n') + 1}, column {at - before.LastIndexOf('\n')}";
    }
}

/// <summary>A part of a template, as it is written there.</summary>
internal sealed record Excerpt(TemplateSource Source, int Start, int End)
{
    private const int MaxShown = 80;

    /// <summary>For messages; the end of a long one.</summary>
    public override string ToString() => End - Start <= MaxShown ? Source.Text[Start..End] : "..." + Source.Text[(End - MaxShown)..End];
}
