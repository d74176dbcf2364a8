namespace EdgeSdk.Text.Templates;

/// <summary>A template's text and its name in messages. Places in it are offsets; a message gives them as line and column, both from 1.</summary>
internal sealed class TemplateSource
{
    /// <summary>Line ends become line feeds, and one at the very end is dropped, as Jinja does.</summary>
    public TemplateSource(string text, string name)
    {
        Name = name;
        Text = text.ReplaceLineEndings("\n");
        if (Text.EndsWith('\n'))
            Text = Text[..^1];
    }

    public string Name { get; }

    public string Text { get; }

    /// <summary>What is wrong with the template at a place in it.</summary>
    public EdgeException Refuse(int at, string message) => new(EdgeErrorCode.InvalidModel, $"{Locate(at)}: {message}");

    /// <summary>A place as people read it.</summary>
    public string Locate(int at)
    {
        var before = Text.AsSpan(0, at);
        return $"{Name}, line {before.Count('\n') + 1}, column {at - before.LastIndexOf('\n')}";
    }
}
