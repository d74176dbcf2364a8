namespace EdgeSdk.Text;

/// <summary>
/// The mark behind the first letter of a control token's spelling that is text. It goes with the text through the template, which takes no notice of it where it looks
/// for something, and is gone before the model sees the text.
/// </summary>
internal static class Guards
{
    /// <summary>A noncharacter of Unicode: no text has it.</summary>
    public const char Mark = '\uFDD0';

    /// <summary>A part as a text spells it: with the marks that the text has in its first occurrence, or its last.</summary>
    public static string SpellingIn(string text, string part, bool last = false)
    {
        if (part.Length < 2 || !text.Contains(Mark))
            return part;

        string letters = text.Replace(Mark.ToString(), "", StringComparison.Ordinal);
        int at = last ? letters.LastIndexOf(part, StringComparison.Ordinal) : letters.IndexOf(part, StringComparison.Ordinal);
        return at < 0 ? part : text[OffsetOf(text, at)..(OffsetOf(text, at + part.Length - 1) + 1)];
    }

    /// <summary>Where the letter of a number is.</summary>
    public static int OffsetOf(string text, int letter)
    {
        int offset = 0;
        for (; offset < text.Length && (text[offset] == Mark || letter > 0); offset++)
            letter -= text[offset] == Mark ? 0 : 1;

        return offset;
    }
}
