namespace EdgeSdk.Text;

/// <summary>Steps through well-formed UTF-8 by code point. Ill-formed bytes never get here: text enters as a .NET string.</summary>
internal static class Utf8Text
{
    /// <summary>The code point at <paramref name="at"/>, and how many bytes it takes.</summary>
    public static int CodePointAt(ReadOnlySpan<byte> text, int at, out int length)
    {
        int lead = text[at];
        if (lead < 0x80)
        {
            length = 1;
            return lead;
        }

        if (lead < 0xE0)
        {
            length = 2;
            return ((lead & 0x1F) << 6) | (text[at + 1] & 0x3F);
        }

        if (lead < 0xF0)
        {
            length = 3;
            return ((lead & 0x0F) << 12) | ((text[at + 1] & 0x3F) << 6) | (text[at + 2] & 0x3F);
        }

        length = 4;
        return ((lead & 0x07) << 18) | ((text[at + 1] & 0x3F) << 12) | ((text[at + 2] & 0x3F) << 6) | (text[at + 3] & 0x3F);
    }

    /// <summary>How many bytes the code point at <paramref name="at"/> takes.</summary>
    public static int LengthAt(ReadOnlySpan<byte> text, int at) => text[at] switch
    {
        < 0x80 => 1,
        < 0xE0 => 2,
        < 0xF0 => 3,
        _ => 4,
    };

    /// <summary>Where the code point that ends before <paramref name="at"/> begins.</summary>
    public static int Before(ReadOnlySpan<byte> text, int at)
    {
        do
        {
            at--;
        }
        while ((text[at] & 0xC0) == 0x80);
        return at;
    }

    /// <summary>How many code points <paramref name="text"/> has.</summary>
    public static int CountCodePoints(ReadOnlySpan<byte> text)
    {
        int count = 0;
        foreach (byte value in text)
            count += (value & 0xC0) == 0x80 ? 0 : 1;

        return count;
    }

    /// <summary>Where the white space at <paramref name="at"/> ends.</summary>
    public static int AfterWhiteSpace(ReadOnlySpan<byte> text, int at)
    {
        for (int length; at < text.Length && CodePoints.WhiteSpace.Contains(CodePointAt(text, at, out length)); at += length)
        {
        }

        return at;
    }

    /// <summary>Where the white space before <paramref name="at"/> begins.</summary>
    public static int BeforeWhiteSpace(ReadOnlySpan<byte> text, int at)
    {
        for (int before; at > 0 && CodePoints.WhiteSpace.Contains(CodePointAt(text, before = Before(text, at), out _)); at = before)
        {
        }

        return at;
    }
}
