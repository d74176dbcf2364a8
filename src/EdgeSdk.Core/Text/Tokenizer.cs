namespace EdgeSdk.Text;

/// <summary>A tokenizer read from a Hugging Face <c>tokenizer.json</c>: text to token ids and back, equal to what the reference implementation gives.</summary>
/// <remarks>Immutable once read, and safe for concurrent use.</remarks>
public sealed class Tokenizer
{
    /// <summary>Reads <c>tokenizer.json</c>.</summary>
    /// <param name="folderOrFile">A model folder that holds a <c>tokenizer.json</c>, or the file itself.</param>
    /// <exception cref="EdgeException">The file is missing, damaged, or uses what is not supported; the message names the field and the value.</exception>
    public static Tokenizer Load(string folderOrFile) => throw new NotImplementedException();

    /// <summary>Reads the bytes of a <c>tokenizer.json</c>.</summary>
    /// <param name="utf8">The file's content.</param>
    /// <param name="name">What error messages call it.</param>
    /// <exception cref="EdgeException">The content is damaged or uses what is not supported.</exception>
    public static Tokenizer Parse(ReadOnlyMemory<byte> utf8, string name) => throw new NotImplementedException();

    /// <summary>One more than the highest id; an embedding may have more rows, as padding.</summary>
    public int VocabularySize => throw new NotImplementedException();

    /// <summary>SHA-256 (lower-case hex) over every id in order: id, length, bytes (<see cref="BytesOf"/>), whether special. Equal fingerprints can decode together.</summary>
    public string Fingerprint => throw new NotImplementedException();

    /// <summary>The ids of <paramref name="text"/>. Special tokens written in the text are parsed.</summary>
    /// <param name="text">Any text; an unpaired surrogate reads as U+FFFD.</param>
    /// <param name="addSpecialTokens">Whether to add what the tokenizer's post-processor adds, such as a beginning-of-text token.</param>
    public int[] Encode(string text, bool addSpecialTokens = true) => throw new NotImplementedException();

    /// <summary>The text of <paramref name="ids"/>. Ids outside the vocabulary give nothing; bytes that are not UTF-8 give U+FFFD.</summary>
    public string Decode(ReadOnlySpan<int> ids, bool skipSpecialTokens = false) => throw new NotImplementedException();

    /// <summary>Decodes a stream of ids, one at a time.</summary>
    public Detokenizer CreateDetokenizer(bool skipSpecialTokens) => throw new NotImplementedException();

    /// <summary>Whether <paramref name="id"/> is a special token.</summary>
    public bool IsSpecial(int id) => throw new NotImplementedException();

    /// <summary>The id of a token as the vocabulary writes it (<c>&lt;|end|&gt;</c>, <c>Ġthe</c>); null where there is none.</summary>
    public int? IdOf(string token) => throw new NotImplementedException();

    /// <summary>The bytes that <paramref name="id"/> stands for in a text; empty where there is no such id.</summary>
    public ReadOnlySpan<byte> BytesOf(int id) => throw new NotImplementedException();
}
