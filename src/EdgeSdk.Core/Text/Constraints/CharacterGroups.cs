using System.Buffers;
using System.Text;

namespace EdgeSdk.Text.Constraints;

/// <summary>Characters in groups, so that an alphabet is a word: each letter of ASCII, digits, signs of names and strings, and all characters beyond ASCII as one.</summary>
internal static class CharacterGroups
{
    public const int BeyondAscii = 62;

    private const string Signs = " _-.\"\\\n";
    private static readonly byte[] OfByte = [.. Enumerable.Range(0, 256).Select(b => (byte)Group((char)b))];

    /// <summary>The group of the character that begins with a byte.</summary>
    public static int Of(byte first) => OfByte[first];

    /// <summary>Bytes of the character that a text begins with; 0: it begins inside one, or ends inside it.</summary>
    public static int Length(ReadOnlySpan<byte> text) =>
        text[0] < 0x80 ? 1 : Rune.DecodeFromUtf8(text, out _, out int length) == OperationStatus.Done ? length : 0;

    private static int Group(char c) => c switch
    {
        >= 'a' and <= 'z' => c - 'a',
        >= 'A' and <= 'Z' => 26 + c - 'A',
        >= '0' and <= '9' => 52,
        >= '\x80' => BeyondAscii,
        _ when Signs.Contains(c) => 53 + Signs.IndexOf(c),
        < ' ' or '\x7F' => 60,
        _ => 61,
    };
}
